#include "library/request.hpp"

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>

#include "engine/commands/exit_code.hpp"
#include "io/document/nearest.hpp"

namespace ridgeline::engine {

namespace po = boost::program_options;
using Json = nlohmann::ordered_json;

namespace {

// Options whose value is a document, by path or as it is.
constexpr std::array kDocuments{"workload",   "accelerator", "mapping", "stacks",
                                "allocation", "study",       "file",    "from"};

std::string dashed(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

std::string plain(const Json& value, const std::string& name) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number()) return value.dump();
  if (value.is_array()) {
    std::string text;
    for (const Json& item : value) text += (text.empty() ? "" : ",") + plain(item, name);
    return text;
  }
  throw UsageError("'" + name + "' takes a number, a text or a list, not " + value.dump());
}

class Tokens {
 public:
  Tokens(std::string_view command, const po::options_description& options,
         std::initializer_list<std::string_view> not_for_calls)
      : command_(command), options_(options), not_for_calls_(not_for_calls) {}

  void add(const std::string& key, const Json& value) {
    const std::string name = dashed(key);
    const po::option_description* option = options_.find_nothrow(name, false);
    const bool barred =
        std::find(not_for_calls_.begin(), not_for_calls_.end(), name) != not_for_calls_.end();
    if (option == nullptr || barred) throw unknown(key);
    if (value.is_null()) return;
    if (option->semantic()->max_tokens() == 0) {
      if (!value.is_boolean()) {
        throw UsageError("'" + key + "' is true or false, not " + value.dump());
      }
      if (value.get<bool>()) tokens_.push_back("--" + name);
      return;
    }
    const auto give = [&](const std::string& text) { tokens_.push_back("--" + name + "=" + text); };
    const bool document = std::find(kDocuments.begin(), kDocuments.end(), name) != kDocuments.end();
    if (document && value.is_structured()) return give(value.dump());
    const bool repeated = dynamic_cast<const po::typed_value<std::vector<std::string>>*>(
                              option->semantic().get()) != nullptr;
    std::vector<std::string> texts;
    if (value.is_object()) {
      for (const auto& [part, number] : value.items()) {
        texts.push_back(part + "=" + plain(number, key));
      }
    } else if (value.is_array()) {
      for (const Json& item : value) texts.push_back(plain(item, key));
    } else {
      texts.push_back(plain(value, key));
    }
    if (repeated) {
      for (const std::string& text : texts) give(text);
      return;
    }
    std::string all;
    for (const std::string& text : texts) all += (all.empty() ? "" : ",") + text;
    give(all);
  }

  const std::vector<std::string>& all() const { return tokens_; }

 private:
  UsageError unknown(const std::string& key) const {
    std::vector<std::string> names;
    for (const auto& option : options_.options()) {
      std::string name = option->long_name();
      if (std::find(not_for_calls_.begin(), not_for_calls_.end(), name) != not_for_calls_.end()) {
        continue;
      }
      std::replace(name.begin(), name.end(), '-', '_');
      names.push_back(std::move(name));
    }
    const std::string near = io::suggestion(key, names);
    return UsageError(std::string(command_) + " takes no '" + key + "'" +
                      (near.empty() ? "" : " (" + near + ")"));
  }

  std::string_view command_;
  const po::options_description& options_;
  std::vector<std::string_view> not_for_calls_;
  std::vector<std::string> tokens_;
};

}  // namespace

Json parse_request(const char* text, std::string_view command) {
  const std::string where = std::string(command) + ": ";
  if (text == nullptr) throw UsageError(where + "there is no request");
  Json request = Json::parse(text, nullptr, false);
  if (!request.is_object()) throw UsageError(where + "the request is no JSON object");
  return request;
}

po::variables_map option_values(const Json& request, std::string_view command,
                                const po::options_description& options,
                                std::initializer_list<std::string_view> not_for_calls) {
  Tokens tokens(command, options, not_for_calls);
  for (const auto& [key, value] : request.items()) tokens.add(key, value);
  po::variables_map values;
  try {
    namespace style = po::command_line_style;
    po::store(po::command_line_parser(tokens.all())
                  .options(options)
                  .style(style::unix_style & ~style::allow_guessing)
                  .run(),
              values);
    po::notify(values);
  } catch (const po::error& error) {
    throw UsageError(std::string(command) + ": " + error.what());
  }
  return values;
}

}  // namespace ridgeline::engine
