# Completion of `ridgeline` for bash: source this file, or install it as
# share/bash-completion/completions/ridgeline.
#
# Commands and options are asked of the program itself, so they are always its own.

_ridgeline() {
  local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
  local command=${COMP_WORDS[1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    local commands
    commands=$("$program" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p')
    mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$word")
    return
  fi
  local values=
  case $before in
    --format) values="text json" ;;
    --objective | --node-objective) values="latency energy edp" ;;
    --engine) values="exact loma anneal" ;;
    --mode) values="fused layer-by-layer" ;;
    --search) values="auto exhaustive ga exact" ;;
    --priority) values="order latency memory" ;;
    --semantics) values="2025 2023 2023-06" ;;
    --detail) values="normal full" ;;
    --overlap) values="recompute h-cached cached search" ;;
    --stacks) values="packed auto search" ;;
  esac
  if [[ $values ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
  elif [[ $word == -* ]]; then
    local options
    options=$("$program" "$command" --help 2>/dev/null | grep -o -- '--[a-z][a-z-]*' | sort -u)
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
  else
    compopt -o default 2>/dev/null
  fi
}
complete -F _ridgeline ridgeline
