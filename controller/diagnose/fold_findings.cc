#include "controller/diagnose/fold_findings.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "controller/diagnose/rules.h"

namespace tcpfleet::controller {
namespace {

// "0.0.0.0:80 nginx[812]" without "[812]". Brackets around IPv6 addresses stay.
std::string WithoutPids(const std::string& subject) {
  std::string text;
  for (size_t i = 0; i < subject.size(); ++i) {
    if (subject[i] == '[') {
      size_t end = i + 1;
      while (end < subject.size() &&
             absl::ascii_isdigit(static_cast<unsigned char>(subject[end]))) {
        ++end;
      }
      if (end > i + 1 && end < subject.size() && subject[end] == ']') {
        i = end;
        continue;
      }
    }
    text.push_back(subject[i]);
  }
  return text;
}

// What is said, without the hosts and numbers it is said of.
std::string Said(const v1::Finding& finding) {
  v1::Finding said = finding;
  said.clear_hosts();
  said.clear_evidence();
  said.clear_sockets();
  said.set_subject(WithoutPids(finding.subject()));
  return said.SerializeAsString();
}

void Add(v1::Finding& sum, v1::Finding more) {
  if (sum.subject() != more.subject()) sum.set_subject(WithoutPids(sum.subject()));
  for (const std::string& host : more.hosts()) {
    if (std::find(sum.hosts().begin(), sum.hosts().end(), host) == sum.hosts().end()) {
      sum.add_hosts(host);
    }
  }
  for (v1::FindingEvidence& evidence : *more.mutable_evidence()) {
    *sum.add_evidence() = std::move(evidence);
  }
  for (v1::ProvingSocket& socket : *more.mutable_sockets()) {
    *sum.add_sockets() = std::move(socket);
  }
}

int SeverityRank(const v1::Finding& finding) {
  const auto severity = ParseFindingSeverity(finding.severity());
  return severity.ok() ? -static_cast<int>(*severity) : 1;
}

auto Rank(const v1::Finding& finding) {
  const DiagnosisRule* const rule = FindRule(finding.rule());
  return std::tuple(SeverityRank(finding), finding.confidence() != "high", -finding.hosts_size(),
                    std::string(rule == nullptr ? "" : rule->number), finding.subject());
}

}  // namespace

std::vector<v1::Finding> FoldFindings(std::vector<v1::Finding> findings) {
  std::vector<v1::Finding> folded;
  std::map<std::string, size_t> by_said;
  for (v1::Finding& finding : findings) {
    const auto [found, is_new] = by_said.try_emplace(Said(finding), folded.size());
    if (is_new) {
      folded.push_back(std::move(finding));
    } else {
      Add(folded[found->second], std::move(finding));
    }
  }
  std::stable_sort(folded.begin(), folded.end(),
                   [](const v1::Finding& a, const v1::Finding& b) { return Rank(a) < Rank(b); });
  return folded;
}

}  // namespace tcpfleet::controller
