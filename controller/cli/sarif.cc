#include "controller/cli/sarif.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <utility>

#include "common/base/sha256.h"
#include "common/base/version.h"
#include "controller/cli/text.h"

namespace tcpfleet::controller {
namespace {

std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : Printable(text)) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// Members in their order; values are JSON already.
using Members = std::vector<std::pair<std::string, std::string>>;

std::string Object(const Members& members) {
  return absl::StrCat("{",
                      absl::StrJoin(members, ", ",
                                    [](std::string* out, const auto& member) {
                                      absl::StrAppend(out, Quoted(member.first), ": ",
                                                      member.second);
                                    }),
                      "}");
}

std::string Text(absl::string_view text) { return Object({{"text", Quoted(text)}}); }

std::string List(const std::vector<std::string>& values, absl::string_view separator = ", ") {
  return absl::StrCat("[", absl::StrJoin(values, separator), "]");
}

// RFC 8089, every byte but those that may stand there as they are as %XX.
std::string FileUri(absl::string_view path) {
  std::string uri = "file://";
  for (const char c : path) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
        absl::string_view("/-._~").find(c) != absl::string_view::npos) {
      uri += c;
    } else {
      absl::StrAppendFormat(&uri, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return uri;
}

std::string RuleJson(const SarifRule& rule) {
  Members members = {{"id", Quoted(rule.id)},
                     {"shortDescription", Text(rule.summary)},
                     {"help", Text(rule.help)},
                     {"defaultConfiguration", Object({{"level", Quoted(rule.level)}})}};
  if (!rule.help_uri.empty()) members.emplace_back("helpUri", Quoted(rule.help_uri));
  return Object(members);
}

std::string LocationJson(const SarifResult& result) {
  Members location;
  if (!result.file.empty()) {
    Members physical = {
        {"artifactLocation", Object({{"uri", Quoted(FileUri(result.file))}})},
    };
    if (result.line > 0) {
      physical.emplace_back("region", Object({{"startLine", absl::StrCat(result.line)}}));
    }
    location.emplace_back("physicalLocation", Object(physical));
  }
  location.emplace_back("logicalLocations",
                        List({Object({{"fullyQualifiedName", Quoted(result.subject)}})}));
  return Object(location);
}

std::string ResultJson(absl::Span<const SarifRule> rules, const SarifResult& result) {
  const SarifRule& rule = rules[result.rule];
  std::vector<std::string> hosts;
  for (const std::string& host : result.hosts) hosts.push_back(Quoted(host));
  // The same finding on the same hosts is the same one tomorrow.
  const std::string fingerprint = base::Sha256Hex(
      absl::StrCat(rule.id, "\n", result.subject, "\n", absl::StrJoin(result.hosts, "\n")));
  return Object({{"ruleId", Quoted(rule.id)},
                 {"ruleIndex", absl::StrCat(result.rule)},
                 {"level", Quoted(rule.level)},
                 {"message", Text(result.message)},
                 {"locations", List({LocationJson(result)})},
                 {"partialFingerprints", Object({{"hosts/v1", Quoted(fingerprint)}})},
                 {"properties", Object({{"hosts", List(hosts)}})}});
}

std::string InvocationJson(absl::Span<const std::string> failures) {
  std::vector<std::string> notifications;
  for (const std::string& failure : failures) {
    notifications.push_back(Object({{"level", Quoted("error")}, {"message", Text(failure)}}));
  }
  return Object({{"executionSuccessful", failures.empty() ? "true" : "false"},
                 {"toolExecutionNotifications", List(notifications)}});
}

}  // namespace

std::string SarifDocument(absl::Span<const SarifRule> rules, absl::Span<const SarifResult> results,
                          absl::Span<const std::string> failures) {
  constexpr absl::string_view kLines = ",\n      ";
  std::vector<std::string> rule_list, result_list;
  for (const SarifRule& rule : rules) rule_list.push_back(RuleJson(rule));
  for (const SarifResult& result : results) result_list.push_back(ResultJson(rules, result));
  return absl::StrCat("{\n  \"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n",
                      "  \"version\": \"2.1.0\",\n  \"runs\": [{\n",
                      "    \"tool\": {\"driver\": {\"name\": \"tcpfleet\", \"version\": ",
                      Quoted(base::Version()), ", \"rules\": ", List(rule_list, kLines),
                      "}},\n    \"invocations\": ", List({InvocationJson(failures)}),
                      ",\n    \"results\": ", List(result_list, kLines), "\n  }]\n}\n");
}

}  // namespace tcpfleet::controller
