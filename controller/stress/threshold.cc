#include "controller/stress/threshold.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "common/base/suggest.h"

namespace tcpfleet::controller {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr absl::string_view kStartSkew = "startSkewUs";

struct OpEntry {
  absl::string_view text;
  Threshold::Op op;
};
// Longer spellings first: "<=" starts with "<".
constexpr std::array kOps = {
    OpEntry{"<=", Threshold::Op::kLessOrEqual}, OpEntry{">=", Threshold::Op::kGreaterOrEqual},
    OpEntry{"==", Threshold::Op::kEqual},       OpEntry{"!=", Threshold::Op::kNotEqual},
    OpEntry{"<", Threshold::Op::kLess},         OpEntry{">", Threshold::Op::kGreater},
};

// The failure classes of stress.proto; others are errno names.
const std::vector<std::string>& FailureClasses() {
  static const auto& classes =
      *new std::vector<std::string>{"refused",   "timeout", "reset",  "closed",  "unreachable",
                                    "localPort", "localFd", "policy", "notSent", "badResponse"};
  return classes;
}

const std::vector<std::string>& StatusClasses() {
  static const auto& classes = *new std::vector<std::string>{"1xx", "2xx", "3xx", "4xx", "5xx"};
  return classes;
}

bool HasErrnoNames(const FieldDescriptor& map) { return map.name() != "responses_by_status"; }

const std::vector<std::string>& ClassesOf(const FieldDescriptor& map) {
  return HasErrnoNames(map) ? FailureClasses() : StatusClasses();
}

bool IsClassOf(const FieldDescriptor& map, const std::string& name) {
  const auto& classes = ClassesOf(map);
  if (std::find(classes.begin(), classes.end(), name) != classes.end()) return true;
  return HasErrnoNames(map) && name.size() > 1 && name[0] == 'E' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return absl::ascii_isupper(byte) || absl::ascii_isdigit(byte);
         });
}

bool IsNumber(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_UINT64:
      return !field.is_repeated();
    default:
      return false;
  }
}

// Fields a threshold can go through or end at. Kernel counters are not of the totals.
bool IsUsable(const FieldDescriptor& field) {
  if (field.is_map()) {
    return field.message_type()->map_value()->cpp_type() == FieldDescriptor::CPPTYPE_UINT64;
  }
  if (IsNumber(field)) return true;
  return !field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         (field.message_type()->name() == "Distribution" ||
          field.message_type()->name() == "TcpInfoReport");
}

std::vector<std::string> UsableNames(const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) {
    if (IsUsable(*type.field(i))) names.push_back(type.field(i)->json_name());
  }
  return names;
}

const FieldDescriptor* FindUsable(const Descriptor& type, const std::string& json_name) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (field->json_name() == json_name) return IsUsable(*field) ? field : nullptr;
  }
  return nullptr;
}

// What is wrong with `path`, empty when it leads to a number.
std::string Problem(const std::vector<std::string>& path) {
  if (path.size() == 1 && path[0] == kStartSkew) return "";
  const Descriptor* type = v1::RunResult::descriptor();
  for (size_t i = 0; i < path.size(); ++i) {
    const bool last = i + 1 == path.size();
    const FieldDescriptor* field = FindUsable(*type, path[i]);
    if (field == nullptr) {
      std::vector<std::string> names = UsableNames(*type);
      if (i == 0) names.emplace_back(kStartSkew);
      const std::string suggestion = base::DidYouMean(path[i], names);
      return absl::StrCat("no number is called '", path[i], "'",
                          suggestion.empty()
                              ? absl::StrCat("; known are ", absl::StrJoin(names, " "))
                              : suggestion);
    }
    if (IsNumber(*field)) {
      return last ? "" : absl::StrCat("'", path[i], "' is a number and has no fields");
    }
    if (last) {
      return field->is_map()
                 ? absl::StrCat("name a class, for example ", path[i], ".", ClassesOf(*field)[0])
                 : absl::StrCat("name one of its numbers: ",
                                absl::StrJoin(UsableNames(*field->message_type()), " "));
    }
    if (field->is_map()) {
      if (i + 2 != path.size() || !IsClassOf(*field, path[i + 1])) {
        const auto& classes = ClassesOf(*field);
        return absl::StrCat("no class of ", path[i], " is called '", path[i + 1], "'",
                            base::DidYouMean(path[i + 1], classes), "; known are ",
                            absl::StrJoin(classes, " "),
                            HasErrnoNames(*field) ? " and errno names" : "");
      }
      return "";
    }
    type = field->message_type();
  }
  return "no field is named";
}

// Of a path without a problem.
bool IsCount(const std::vector<std::string>& path) {
  const Descriptor* type = v1::RunResult::descriptor();
  for (const std::string& name : path) {
    const FieldDescriptor* const field = FindUsable(*type, name);
    if (field == nullptr) return false;  // startSkewUs
    if (field->is_map()) return true;
    if (IsNumber(*field)) {
      return field->cpp_type() == FieldDescriptor::CPPTYPE_UINT64 && field->name() != "in_flight";
    }
    type = field->message_type();
  }
  return false;
}

double MapEntry(const Message& message, const FieldDescriptor& field, const std::string& key) {
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    const Descriptor& type = *entry.GetDescriptor();
    if (entry.GetReflection()->GetString(entry, type.map_key()) == key) {
      return static_cast<double>(entry.GetReflection()->GetUInt64(entry, type.map_value()));
    }
  }
  return 0;
}

}  // namespace

std::optional<double> Threshold::Observe(const v1::StressReport& report) const {
  if (path_[0] == kStartSkew) {
    return report.has_start_skew_us() ? std::optional(report.start_skew_us()) : std::nullopt;
  }
  const Message* message = &report.total();
  for (size_t i = 0; i < path_.size(); ++i) {
    const Reflection& reflection = *message->GetReflection();
    const FieldDescriptor* field = FindUsable(*message->GetDescriptor(), path_[i]);
    if (field->is_map()) return MapEntry(*message, *field, path_[i + 1]);
    if (field->has_presence() && !reflection.HasField(*message, field)) return std::nullopt;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
      return reflection.GetDouble(*message, field);
    }
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_UINT64) {
      return static_cast<double>(reflection.GetUInt64(*message, field));
    }
    message = &reflection.GetMessage(*message, field);
  }
  return std::nullopt;
}

bool Threshold::Holds(double observed) const {
  switch (op_) {
    case Op::kLess:
      return observed < bound_;
    case Op::kLessOrEqual:
      return observed <= bound_;
    case Op::kGreater:
      return observed > bound_;
    case Op::kGreaterOrEqual:
      return observed >= bound_;
    case Op::kEqual:
      return observed == bound_;
    case Op::kNotEqual:
      return observed != bound_;
  }
  return false;
}

bool Threshold::MayRecover(double observed) const {
  if (!is_count_) return false;
  return op_ == Op::kGreater || (observed < bound_ && op_ != Op::kLess) ||
         (op_ == Op::kNotEqual && observed == bound_);
}

v1::ThresholdResult Threshold::Check(const v1::StressReport& report) const {
  v1::ThresholdResult result;
  result.set_expression(expression_);
  if (const std::optional<double> observed = Observe(report); observed.has_value()) {
    result.set_observed(*observed);
    result.set_passed(Holds(*observed));
  }
  return result;
}

absl::StatusOr<Threshold> ParseThreshold(absl::string_view expression) {
  const auto bad = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("--threshold '", expression, "': ", what));
  };
  const size_t op_at = expression.find_first_of("<>=!");
  if (op_at == absl::string_view::npos) {
    return bad("write PATH OP NUMBER with OP one of < <= > >= == !=, for example failedPercent<1");
  }
  const absl::string_view rest = expression.substr(op_at);
  const auto* const op = std::find_if(kOps.begin(), kOps.end(), [&](const OpEntry& entry) {
    return rest.substr(0, entry.text.size()) == entry.text;
  });
  if (op == kOps.end()) return bad("the comparison is not one of < <= > >= == !=");

  Threshold threshold;
  threshold.expression_ = std::string(expression);
  threshold.op_ = op->op;
  const absl::string_view path = absl::StripAsciiWhitespace(expression.substr(0, op_at));
  threshold.path_ = absl::StrSplit(path, '.');
  if (const std::string problem = Problem(threshold.path_); !problem.empty()) return bad(problem);
  threshold.is_count_ = IsCount(threshold.path_);
  const absl::string_view number = absl::StripAsciiWhitespace(rest.substr(op->text.size()));
  if (!absl::SimpleAtod(number, &threshold.bound_) || !std::isfinite(threshold.bound_)) {
    return bad(absl::StrCat("'", number, "' is not a number"));
  }
  return threshold;
}

}  // namespace tcpfleet::controller
