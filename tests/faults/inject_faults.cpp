// A library to be loaded before all others (LD_PRELOAD): makes one call of the system fail.
//
//     RIDGELINE_FAULT=KIND:N     the Nth call of this kind fails, counted from 1 over all threads
//     RIDGELINE_FAULT=KIND:N+    and all after it
//     RIDGELINE_FAULT_COUNT=FILE at the end, how many calls of each kind there were
//
// Kinds: `new` (operator new: std::bad_alloc), `malloc` (malloc, calloc, realloc: ENOMEM), `thread`
// (pthread_create: EAGAIN), `open` (EMFILE), `write`, `sync`, `rename` (ENOSPC, EIO), `mkdir`,
// `fork` (EAGAIN), `read` (EIO)..
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

enum Kind { kNew, kMalloc, kThread, kOpen, kWrite, kSync, kRename, kMkdir, kFork, kRead, kKinds };
constexpr std::array<const char*, kKinds> kNames{"new",  "malloc", "thread", "open", "write",
                                                 "sync", "rename", "mkdir",  "fork", "read"};

std::array<std::atomic<unsigned long>, kKinds> counts{};
std::atomic<int> wanted_kind{-2};  // -2: not looked up yet
unsigned long wanted_number = 0;
bool from_then_on = false;

void look_up() {
  int kind = -1;
  if (const char* text = std::getenv("RIDGELINE_FAULT")) {
    for (int k = 0; k < kKinds; ++k) {
      const std::size_t length = std::strlen(kNames[static_cast<std::size_t>(k)]);
      if (std::strncmp(text, kNames[static_cast<std::size_t>(k)], length) != 0 ||
          text[length] != ':')
        continue;
      char* end = nullptr;
      wanted_number = std::strtoul(text + length + 1, &end, 10);
      from_then_on = *end == '+';
      kind = k;
    }
  }
  wanted_kind = kind;
}

// What the program's libraries do before main() is not its own.
std::atomic<bool> in_main{false};

bool fails(Kind kind) {
  if (!in_main) return false;
  if (wanted_kind == -2) look_up();
  const unsigned long number = ++counts[kind];
  return wanted_kind == kind &&
         (number == wanted_number || (from_then_on && number > wanted_number));
}

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

struct Report {
  ~Report() {
    const char* name = std::getenv("RIDGELINE_FAULT_COUNT");
    if (name == nullptr) return;
    FILE* file = std::fopen(name, "w");
    if (file == nullptr) return;
    for (std::size_t k = 0; k < kKinds; ++k)
      std::fprintf(file, "%s %lu\n", kNames[k], counts[k].load());
    std::fclose(file);
  }
} report;

void* allocate(std::size_t size) {
  if (fails(kNew)) throw std::bad_alloc();
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

void* allocate(std::size_t size, std::align_val_t alignment) {
  if (fails(kNew)) throw std::bad_alloc();
  const auto step = static_cast<std::size_t>(alignment);
  if (void* memory = ::aligned_alloc(step, (size + step - 1) / step * step)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate(size, alignment);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

extern "C" {

int (*main_of_program)(int, char**, char**);

int main_in_sight(int count, char** words, char** environment) {
  in_main = true;
  const int code = main_of_program(count, words, environment);
  in_main = false;  // nor what they do behind it
  return code;
}

int __libc_start_main(int (*program)(int, char**, char**), int count, char** words, void (*init)(),
                      void (*fini)(), void (*rtld_fini)(), void* stack_end) {
  main_of_program = program;
  const auto next = real<decltype(&__libc_start_main)>("__libc_start_main");
  return next(main_in_sight, count, words, init, fini, rtld_fini, stack_end);
}

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);

void* malloc(std::size_t size) {
  if (fails(kMalloc)) {
    errno = ENOMEM;
    return nullptr;
  }
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) {
  if (fails(kMalloc)) {
    errno = ENOMEM;
    return nullptr;
  }
  return __libc_calloc(count, size);
}

void* realloc(void* memory, std::size_t size) {
  if (fails(kMalloc)) {
    errno = ENOMEM;
    return nullptr;
  }
  return __libc_realloc(memory, size);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                   void* argument) {
  static const auto next =
      real<int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>("pthread_create");
  return fails(kThread) ? EAGAIN : next(thread, attributes, start, argument);
}

int open(const char* path, int flags, ...) {
  static const auto next = real<int (*)(const char*, int, ...)>("open");
  mode_t mode = 0;
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  if (fails(kOpen)) {
    errno = EMFILE;
    return -1;
  }
  return next(path, flags, mode);
}

ssize_t read(int fd, void* bytes, std::size_t count) {
  static const auto next = real<ssize_t (*)(int, void*, std::size_t)>("read");
  if (fails(kRead)) {
    errno = EIO;
    return -1;
  }
  return next(fd, bytes, count);
}

ssize_t write(int fd, const void* bytes, std::size_t count) {
  static const auto next = real<ssize_t (*)(int, const void*, std::size_t)>("write");
  if (fd > STDERR_FILENO && fails(kWrite)) {
    errno = ENOSPC;
    return -1;
  }
  return next(fd, bytes, count);
}

int fsync(int fd) {
  static const auto next = real<int (*)(int)>("fsync");
  if (fails(kSync)) {
    errno = EIO;
    return -1;
  }
  return next(fd);
}

int fdatasync(int fd) {
  static const auto next = real<int (*)(int)>("fdatasync");
  if (fails(kSync)) {
    errno = EIO;
    return -1;
  }
  return next(fd);
}

int rename(const char* from, const char* to) {
  static const auto next = real<int (*)(const char*, const char*)>("rename");
  if (fails(kRename)) {
    errno = ENOSPC;
    return -1;
  }
  return next(from, to);
}

int mkdir(const char* path, mode_t mode) {
  static const auto next = real<int (*)(const char*, mode_t)>("mkdir");
  if (fails(kMkdir)) {
    errno = ENOSPC;
    return -1;
  }
  return next(path, mode);
}

pid_t fork() {
  static const auto next = real<pid_t (*)()>("fork");
  if (fails(kFork)) {
    errno = EAGAIN;
    return -1;
  }
  return next();
}

}  // extern "C"
