// Who loads whom.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <set>

#include "common/base/ip_address.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "controller/stress/option_parts.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kMostTargets = 1024;  // as agents take
constexpr uint64_t kMostWeight = 1000;

absl::Status ParseTargets(const std::vector<std::string>& texts, v1::StressSpec& spec) {
  if (texts.size() > kMostTargets) {
    return absl::InvalidArgumentError(
        absl::StrCat("--target: ", texts.size(), " are too many, at most ", kMostTargets));
  }
  for (const absl::string_view text : texts) {
    const size_t star = text.rfind('*');
    const absl::StatusOr<base::HostPort> target = base::ParseHostPort(text.substr(0, star), 0);
    if (!target.ok()) return base::WithContext("--target", target.status());
    v1::Target& added = *spec.add_targets();
    added.set_host(target->host);
    added.set_port(target->port);
    if (star == absl::string_view::npos) continue;
    TF_ASSIGN_OR_RETURN(
        const uint32_t weight,
        ParseBoundedCount("--target WEIGHT", text.substr(star + 1), 1, kMostWeight));
    added.set_weight(weight);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ServeChoice>> ParseServe(const std::vector<std::string>& texts) {
  std::vector<ServeChoice> choices;
  std::set<std::string> seen;
  for (const std::string& text : texts) {
    for (const absl::string_view part : absl::StrSplit(text, ',')) {
      // The last @, so that names may hold one.
      const size_t at = part.rfind('@');
      ServeChoice choice{std::string(part.substr(0, at)),
                         at == absl::string_view::npos ? "" : std::string(part.substr(at + 1))};
      if (choice.agent.empty() || part.back() == '@') {
        return absl::InvalidArgumentError(
            absl::StrCat("--serve: '", text, "' is not AGENT[@ADDRESS][,AGENT...]"));
      }
      if (!seen.insert(choice.agent).second) {
        return absl::InvalidArgumentError(
            absl::StrCat("--serve: agent '", choice.agent, "' is named twice"));
      }
      choices.push_back(std::move(choice));
    }
  }
  return choices;
}

absl::StatusOr<std::vector<PairChoice>> ReadPairs(const std::string& path) {
  if (path.empty()) return std::vector<PairChoice>();
  const absl::StatusOr<std::string> content = sys::ReadFile(path);
  if (!content.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--pairs: ", content.status().message()));
  }
  return ParsePairs(*content, path);
}

}  // namespace

absl::Status ParseRoles(const StressArguments& arguments, StressOptions& options) {
  std::vector<absl::string_view> given;
  if (!arguments.targets.empty()) given.push_back("--target");
  if (!arguments.serve.empty()) given.push_back("--serve");
  if (!arguments.mesh.empty()) given.push_back("--mesh");
  if (!arguments.pairs.empty()) given.push_back("--pairs");
  if (given.empty()) {
    return absl::InvalidArgumentError(
        "nothing to connect to: give --target HOST:PORT, or --serve AGENT to let an agent be the "
        "server, or --mesh all, or --pairs FILE");
  }
  if (given.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        absl::StrJoin(given, " and "), " exclude each other: one of them says who loads whom"));
  }
  if (!arguments.mesh.empty()) {
    TF_RETURN_IF_ERROR(ParseChoice("--mesh", arguments.mesh, {"all"}).status());
    options.mesh = true;
  }
  TF_RETURN_IF_ERROR(ParseTargets(arguments.targets, options.spec));
  TF_ASSIGN_OR_RETURN(options.serve, ParseServe(arguments.serve));
  TF_ASSIGN_OR_RETURN(options.pairs, ReadPairs(arguments.pairs));
  return absl::OkStatus();
}

}  // namespace tcpfleet::controller
