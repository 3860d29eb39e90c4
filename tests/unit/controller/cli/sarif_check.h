// The part of the SARIF 2.1.0 schema that is about what we write: which properties an object may
// have, which it must have, and of what type. The schema allows no others.
//
// Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json
#pragma once

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <cmath>
#include <map>
#include <set>
#include <string>

namespace tcpfleet::tests {

// Property to type: "string", "integer", "boolean", "uri", an object's name, or "[TYPE]" for a
// list. Required ones have a '!' behind the type.
using SarifObject = std::map<std::string, std::string>;

inline const std::map<std::string, SarifObject>& SarifObjects() {
  static const auto& objects = *new std::map<std::string, SarifObject>{
      {"log", {{"$schema", "uri"}, {"version", "version!"}, {"runs", "[run]!"}}},
      {"run", {{"tool", "tool!"}, {"invocations", "[invocation]"}, {"results", "[result]"}}},
      {"tool", {{"driver", "toolComponent!"}}},
      {"toolComponent",
       {{"name", "string!"}, {"version", "string"}, {"rules", "[reportingDescriptor]"}}},
      {"reportingDescriptor",
       {{"id", "string!"},
        {"shortDescription", "text"},
        {"help", "text"},
        {"helpUri", "uri"},
        {"defaultConfiguration", "reportingConfiguration"}}},
      {"text", {{"text", "string!"}}},
      {"reportingConfiguration", {{"level", "level"}}},
      {"invocation",
       {{"executionSuccessful", "boolean!"}, {"toolExecutionNotifications", "[notification]"}}},
      {"notification", {{"level", "level"}, {"message", "text!"}}},
      {"result",
       {{"ruleId", "string"},
        {"ruleIndex", "integer"},
        {"level", "level"},
        {"message", "text!"},
        {"locations", "[location]"},
        {"partialFingerprints", "strings"},
        {"properties", "bag"}}},
      {"location",
       {{"physicalLocation", "physicalLocation"}, {"logicalLocations", "[logicalLocation]"}}},
      // Either this or an address.
      {"physicalLocation", {{"artifactLocation", "artifactLocation!"}, {"region", "region"}}},
      {"artifactLocation", {{"uri", "uri"}}},
      {"region", {{"startLine", "line"}}},
      {"logicalLocation", {{"fullyQualifiedName", "string"}}},
  };
  return objects;
}

inline std::string WrongWithScalar(const google::protobuf::Value& value, const std::string& type) {
  if (type == "boolean") return value.has_bool_value() ? "" : "is no boolean";
  if (type == "integer" || type == "line") {
    const double number = value.number_value();
    const bool right = value.has_number_value() && number == std::floor(number) &&
                       number >= (type == "line" ? 1 : 0);
    return right ? "" : "is no such number";
  }
  if (!value.has_string_value()) return "is no text";
  const std::string& text = value.string_value();
  if (type == "version") return text == "2.1.0" ? "" : "is not 2.1.0";
  if (type == "level") {
    return std::set<std::string>{"none", "note", "warning", "error"}.contains(text) ? ""
                                                                                    : "is no level";
  }
  if (type == "uri") {
    const bool right = absl::StrContains(text, "://") && !absl::StrContains(text, " ");
    return right ? "" : "is no URI";
  }
  return "";
}

// Where it is wrong and how; empty: it is not.
inline std::string WrongWithSarif(const google::protobuf::Value& value, const std::string& type,
                                  const std::string& place) {
  if (absl::StartsWith(type, "[")) {
    if (!value.has_list_value()) return place + " is no list";
    int index = 0;
    for (const auto& element : value.list_value().values()) {
      std::string wrong = WrongWithSarif(element, type.substr(1, type.size() - 2),
                                         absl::StrCat(place, "[", index++, "]"));
      if (!wrong.empty()) return wrong;
    }
    return "";
  }
  if (type == "bag" || type == "strings") {
    if (!value.has_struct_value()) return place + " is no object";
    for (const auto& [name, member] : value.struct_value().fields()) {
      if (type == "strings" && !member.has_string_value()) return place + "." + name;
    }
    return "";
  }
  const auto object = SarifObjects().find(type);
  if (object == SarifObjects().end()) {
    const std::string wrong = WrongWithScalar(value, type);
    return wrong.empty() ? "" : absl::StrCat(place, " ", wrong);
  }
  if (!value.has_struct_value()) return place + " is no object";
  const auto& fields = value.struct_value().fields();
  for (const auto& [name, member_type] : object->second) {
    if (absl::EndsWith(member_type, "!") && !fields.contains(name)) {
      return absl::StrCat(place, " has no ", name);
    }
  }
  for (const auto& [name, member] : fields) {
    const auto known = object->second.find(name);
    if (known == object->second.end()) return absl::StrCat(place, " has an unknown ", name);
    std::string wrong = WrongWithSarif(member, std::string(absl::StripSuffix(known->second, "!")),
                                       absl::StrCat(place, ".", name));
    if (!wrong.empty()) return wrong;
  }
  return "";
}

inline google::protobuf::Value ParsedJson(const std::string& json) {
  google::protobuf::Value value;
  if (!google::protobuf::util::JsonStringToMessage(json, &value).ok()) value.Clear();
  return value;
}

// Also that every result names a rule that is there.
inline std::string WrongWithSarif(const std::string& json) {
  const google::protobuf::Value log = ParsedJson(json);
  std::string wrong = WrongWithSarif(log, "log", "$");
  if (!wrong.empty()) return wrong;
  const auto& run = log.struct_value().fields().at("runs").list_value().values(0).struct_value();
  const auto& rules = run.fields()
                          .at("tool")
                          .struct_value()
                          .fields()
                          .at("driver")
                          .struct_value()
                          .fields()
                          .at("rules")
                          .list_value();
  std::set<std::string> ids;
  for (const auto& rule : rules.values()) {
    const std::string id = rule.struct_value().fields().at("id").string_value();
    if (!ids.insert(id).second) return "rule " + id + " comes twice";
  }
  for (const auto& result : run.fields().at("results").list_value().values()) {
    const auto& fields = result.struct_value().fields();
    const auto index = static_cast<int>(fields.at("ruleIndex").number_value());
    if (index >= rules.values_size()) return "a result of no rule";
    if (rules.values(index).struct_value().fields().at("id").string_value() !=
        fields.at("ruleId").string_value()) {
      return "a result of another rule";
    }
  }
  return "";
}

}  // namespace tcpfleet::tests
