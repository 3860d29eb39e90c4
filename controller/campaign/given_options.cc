#include "controller/campaign/given_options.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "common/base/suggest.h"

namespace tcpfleet::controller {
namespace {

const StressArgument* Find(absl::string_view name) {
  for (const StressArgument& argument : StressArgumentTable()) {
    if (argument.name == name) return &argument;
  }
  return nullptr;
}

bool IsOfCampaign(absl::string_view name) {
  return name == kRepeatOption || name == kFindMaxOption || name == kAbOption;
}

size_t Rank(absl::string_view name) {
  const std::vector<std::string> names = OptionNames();
  return static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

absl::StatusOr<std::vector<std::string>> SplitWords(absl::string_view line) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  for (const char c : line) {
    if (quote != 0 ? c == quote : c == '\'' || c == '"') {
      quote = quote == 0 ? c : '\0';
    } else if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      in_word = false;
      continue;
    } else {
      if (!in_word) words.emplace_back();
      in_word = true;
      words.back().push_back(c);
      continue;
    }
    if (!in_word) words.emplace_back();  // a quote begins a word, also an empty one
    in_word = true;
  }
  if (quote != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", line, "': a quote (", std::string(1, quote), ") is not closed"));
  }
  return words;
}

}  // namespace

std::vector<std::string> OptionNames() {
  std::vector<std::string> names{std::string(kWorkloadOption)};
  for (const StressArgument& argument : StressArgumentTable()) names.emplace_back(argument.name);
  for (const absl::string_view name : {kRepeatOption, kFindMaxOption, kAbOption}) {
    names.emplace_back(name);
  }
  return names;
}

bool IsRepeatable(absl::string_view name) {
  if (name == kFindMaxOption || name == kAbOption) return true;
  const StressArgument* const found = Find(name);
  return found != nullptr &&
         std::holds_alternative<std::vector<std::string> StressArguments::*>(found->value);
}

bool IsFlag(absl::string_view name) {
  const StressArgument* const found = Find(name);
  return found != nullptr && found->type.empty();
}

absl::Status GivenOptions::Set(absl::string_view name, std::vector<std::string> values) {
  if (name != kWorkloadOption && !IsOfCampaign(name) && Find(name) == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown option '", name, "'", base::DidYouMean(name, OptionNames())));
  }
  if (values.empty()) return absl::InvalidArgumentError(absl::StrCat(name, ": a value is missing"));
  if (values.size() > 1 && !IsRepeatable(name)) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": takes one value, not ", values.size()));
  }
  if (IsFlag(name) && values[0] != "true" && values[0] != "false") {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": '", values[0], "' is neither true nor false"));
  }
  *Slot(name).mutable_values() = {values.begin(), values.end()};
  return absl::OkStatus();
}

v1::SavedOption& GivenOptions::Slot(absl::string_view name) {
  auto place = list_.begin();
  for (; place != list_.end() && Rank(place->name()) <= Rank(name); ++place) {
    if (place->name() == name) return *place;
  }
  place = list_.emplace(place);
  place->set_name(std::string(name));
  return *place;
}

std::vector<std::string> GivenOptions::Get(absl::string_view name) const {
  for (const v1::SavedOption& option : list_) {
    if (option.name() == name) return {option.values().begin(), option.values().end()};
  }
  return {};
}

void GivenOptions::ReplaceBy(const GivenOptions& stronger) {
  for (const v1::SavedOption& option : stronger.list_) Slot(option.name()) = option;
}

void GivenOptions::ExtendBy(const GivenOptions& stronger) {
  for (const v1::SavedOption& option : stronger.list_) {
    v1::SavedOption& slot = Slot(option.name());
    if (!IsRepeatable(option.name())) slot.clear_values();
    slot.mutable_values()->MergeFrom(option.values());
  }
}

GivenOptions GivenOptions::OfOneRun() const {
  GivenOptions rest;
  for (const v1::SavedOption& option : list_) {
    if (!IsOfCampaign(option.name())) rest.list_.push_back(option);
  }
  return rest;
}

StressArguments GivenOptions::ToArguments() const {
  StressArguments arguments;
  for (const v1::SavedOption& option : list_) {
    if (option.name() == kWorkloadOption) {
      arguments.workload = option.values(0);
      continue;
    }
    if (IsOfCampaign(option.name())) continue;
    const StressArgument& entry = *Find(option.name());
    if (const auto* const many =
            std::get_if<std::vector<std::string> StressArguments::*>(&entry.value)) {
      arguments.** many = {option.values().begin(), option.values().end()};
      continue;
    }
    std::string& one = arguments.*std::get<std::string StressArguments::*>(entry.value);
    one = option.values(0);
    if (IsFlag(option.name()) && one == "false") one.clear();
  }
  return arguments;
}

absl::StatusOr<GivenOptions> GivenOptions::FromSaved(
    const google::protobuf::RepeatedPtrField<v1::SavedOption>& saved) {
  GivenOptions given;
  for (const v1::SavedOption& option : saved) {
    TF_RETURN_IF_ERROR(given.Set(option.name(), {option.values().begin(), option.values().end()}));
  }
  return given;
}

absl::StatusOr<GivenOptions> ParseOptionLine(absl::string_view line) {
  TF_ASSIGN_OR_RETURN(const std::vector<std::string> words, SplitWords(line));
  GivenOptions options;
  for (size_t i = 0; i < words.size(); ++i) {
    absl::string_view word = words[i];
    if (!absl::ConsumePrefix(&word, "--")) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", words[i], "' is no option: write for example '--rate 5k'"));
    }
    const size_t equals = word.find('=');
    const absl::string_view name = word.substr(0, equals);
    if (name == kWorkloadOption || IsOfCampaign(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", name, ": not possible here, A and B are options of one run"));
    }
    std::string value = "true";
    if (equals != absl::string_view::npos) {
      value = std::string(word.substr(equals + 1));
    } else if (!IsFlag(name)) {
      if (i + 1 == words.size()) {
        return absl::InvalidArgumentError(absl::StrCat("--", name, ": a value is missing"));
      }
      value = words[++i];
    }
    GivenOptions one;
    TF_RETURN_IF_ERROR(one.Set(name, {value}));
    options.ExtendBy(one);
  }
  return options;
}

std::vector<v1::Difference> OptionDifferences(const GivenOptions& a, const GivenOptions& b) {
  std::vector<v1::Difference> differences;
  for (const std::string& name : OptionNames()) {
    const std::string in_a = absl::StrJoin(a.Get(name), ", ");
    const std::string in_b = absl::StrJoin(b.Get(name), ", ");
    if (in_a == in_b) continue;
    v1::Difference& difference = differences.emplace_back();
    difference.set_what(name == kWorkloadOption ? name : absl::StrCat("--", name));
    difference.set_a(in_a);
    difference.set_b(in_b);
  }
  return differences;
}

}  // namespace tcpfleet::controller
