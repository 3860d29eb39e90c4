#include "agent/sysctl/sysctl_reader.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "agent/sysctl/config_files.h"
#include "agent/sysctl/parameter_tree.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/sys/net_namespace.h"
#include "common/sysctl/key.h"
#include "common/sysctl/persisted.h"

namespace tcpfleet::agent {
namespace {

const std::vector<std::string>& DefaultPatterns() {
  static const auto& patterns = *new std::vector<std::string>{"net",
                                                              "fs/file-max",
                                                              "fs/file-nr",
                                                              "fs/nr_open",
                                                              "kernel/pid_max",
                                                              "kernel/threads-max",
                                                              "vm/min_free_kbytes",
                                                              "vm/overcommit_memory"};
  return patterns;
}

absl::StatusOr<std::vector<std::string>> PatternsOf(const v1::ReadSysctlsRequest& request) {
  if (request.patterns().empty()) return DefaultPatterns();
  if (static_cast<size_t>(request.patterns_size()) > SysctlReader::kMostPatterns) {
    return absl::InvalidArgumentError(absl::StrCat(
        request.patterns_size(), " patterns are too many, at most ", SysctlReader::kMostPatterns));
  }
  std::vector<std::string> patterns;
  for (const std::string& text : request.patterns()) {
    TF_ASSIGN_OR_RETURN(patterns.emplace_back(), sysctl::ParseKey(text));
  }
  return patterns;
}

void ToProto(const sysctl::Setting& setting, v1::SysctlSetting& to) {
  to.set_file(setting.file);
  to.set_line(setting.line);
  to.set_value(setting.value);
  to.set_pattern(setting.pattern);
}

void ToProto(const sysctl::PersistedValue& value, v1::PersistedSysctl& to) {
  if (value.winner) ToProto(*value.winner, *to.mutable_winner());
  for (const sysctl::Setting& loser : value.losers) ToProto(loser, *to.add_losers());
}

void ToProto(absl::Span<const sysctl::Problem> problems, v1::ReadSysctlsResponse& to) {
  for (const sysctl::Problem& problem : problems) {
    v1::SysctlFileProblem& added = *to.add_problems();
    added.set_file(problem.file);
    added.set_line(problem.line);
    added.set_what(problem.what);
  }
}

// Both programs complain of the same lines mostly.
void AddProblems(const sysctl::Persisted& at_boot, const sysctl::Persisted& by_procps,
                 v1::ReadSysctlsResponse& to) {
  ToProto(at_boot.problems(), to);
  std::vector<sysctl::Problem> others;
  for (const sysctl::Problem& problem : by_procps.problems()) {
    const auto same = [&](const sysctl::Problem& known) {
      return known.file == problem.file && known.line == problem.line;
    };
    if (std::none_of(at_boot.problems().begin(), at_boot.problems().end(), same)) {
      others.push_back(problem);
    }
  }
  ToProto(others, to);
}

void SendInParts(v1::ReadSysctlsResponse whole, const SysctlReader::Sink& sink) {
  google::protobuf::RepeatedPtrField<v1::Sysctl> all;
  all.Swap(whole.mutable_sysctls());
  v1::ReadSysctlsResponse part = std::move(whole);
  for (v1::Sysctl& sysctl : all) {
    if (part.sysctls_size() == SysctlReader::kKeysPerMessage) {
      sink(std::exchange(part, v1::ReadSysctlsResponse()));
    }
    *part.add_sysctls() = std::move(sysctl);
  }
  sink(std::move(part));
}

}  // namespace

absl::Status SysctlReader::Read(const v1::ReadSysctlsRequest& request, const Sink& sink) {
  TF_ASSIGN_OR_RETURN(const std::vector<std::string> patterns, PatternsOf(request));
  KeyList list = ListKeys(root_, patterns, kMostKeys);

  v1::ReadSysctlsResponse whole;
  if (!request.patterns().empty()) {
    for (std::string& pattern : list.unmatched) whole.add_unmatched(std::move(pattern));
  }
  whole.set_dropped(list.dropped);
  std::optional<sysctl::Persisted> at_boot;
  std::optional<sysctl::Persisted> by_procps;
  if (request.persisted()) {
    const ConfigFiles config = ReadConfigFiles(root_);
    at_boot.emplace(sysctl::Applier::kSystemd, config.files);
    by_procps.emplace(sysctl::Applier::kProcps, config.files);
    ToProto(config.problems, whole);
    AddProblems(*at_boot, *by_procps, whole);
  }
  for (const std::string& key : list.keys) {
    v1::Sysctl& sysctl = *whole.add_sysctls();
    Parameter parameter = ReadParameter(root_, key);
    sysctl.set_key(key);
    sysctl.set_writable(parameter.writable);
    sysctl.set_scope(ScopeOf(key, parameter.writable));
    if (parameter.value.ok()) {
      sysctl.set_value(*std::move(parameter.value));
    } else {
      sysctl.set_unreadable(std::string(parameter.value.status().message()));
    }
    if (!at_boot) continue;
    ToProto(at_boot->ValueOf(key), *sysctl.mutable_at_boot());
    ToProto(by_procps->ValueOf(key), *sysctl.mutable_by_procps());
  }
  // The answer as one message has fields in one order, so the same answer has the same bytes.
  whole.set_content_hash(base::Sha256(whole.SerializeAsString()));
  if (!request.known_hash().empty() && request.known_hash() == whole.content_hash()) {
    v1::ReadSysctlsResponse unchanged;
    unchanged.set_content_hash(whole.content_hash());
    unchanged.set_unchanged(true);
    sink(std::move(unchanged));
    return absl::OkStatus();
  }
  SendInParts(std::move(whole), sink);
  return absl::OkStatus();
}

// Only the kernel knows what belongs to a namespace: a fresh one shows it. What is missing there,
// or can be read only, is the host's.
void SysctlReader::FindScopes() {
  in_child_.emplace();
  const absl::StatusOr<sys::NetNamespace> child = sys::NetNamespace::CreateNew();
  if (!child.ok()) return;
  const absl::Status found = child->Run([this] {
    for (const std::string& key : ListKeys(root_, {"net"}, kMostKeys).keys) {
      (*in_child_)[key] = ReadParameter(root_, key).writable;
    }
    return absl::OkStatus();
  });
  if (!found.ok()) in_child_->clear();
}

// Of what nobody can write to, its mode in another namespace says nothing.
v1::Sysctl::Scope SysctlReader::ScopeOf(const std::string& key, bool writable) {
  if (!absl::StartsWith(key, "net/")) return v1::Sysctl::SCOPE_HOST;
  if (!in_child_) FindScopes();
  if (in_child_->empty() || !writable) return v1::Sysctl::SCOPE_UNSPECIFIED;
  // A fresh namespace has no interface but lo; those of others are like its default ones.
  std::string representative = key;
  for (const char* family :
       {"net/ipv4/conf/", "net/ipv6/conf/", "net/ipv4/neigh/", "net/ipv6/neigh/"}) {
    if (!absl::StartsWith(key, family)) continue;
    const size_t slash = key.rfind('/');
    const std::string interface =
        key.substr(std::string(family).size(), slash - std::string(family).size());
    if (interface != "default" && interface != "all") {
      representative = absl::StrCat(family, "lo", key.substr(slash));
    }
  }
  const auto found = in_child_->find(representative);
  return found != in_child_->end() && found->second ? v1::Sysctl::SCOPE_NETWORK_NAMESPACE
                                                    : v1::Sysctl::SCOPE_HOST;
}

}  // namespace tcpfleet::agent
