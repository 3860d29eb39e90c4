#include "controller/audit/saved_readings.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"
#include "common/sysctl/key.h"

namespace tcpfleet::controller {
namespace {

class Packer {
 public:
  void Add(const SavedHost& host) {
    v1::SavedReading& saved = *packed_.add_hosts();
    saved.set_agent(host.agent);
    saved.set_address(host.address);
    if (host.reading.facts) {
      saved.set_kernel(host.reading.facts->kernel);
      saved.set_memory_bytes(host.reading.facts->memory_bytes);
      saved.set_boot_id(host.reading.facts->boot_id);
    }
    for (const SharedSysctl& sysctl : host.reading.sysctls.entries()) {
      saved.add_sysctls(PositionOf(*sysctl));
    }
    *saved.mutable_problems() = {host.reading.problems.begin(), host.reading.problems.end()};
    *saved.mutable_unmatched() = {host.reading.unmatched.begin(), host.reading.unmatched.end()};
    saved.set_dropped(host.reading.dropped);
    saved.set_content_hash(host.reading.content_hash);
  }

  v1::DriftBaseline Finish() && { return std::move(packed_); }

 private:
  uint32_t PositionOf(const v1::Sysctl& sysctl) {
    const auto known = by_address_.find(&sysctl);
    if (known != by_address_.end()) return known->second;
    const auto [position, is_new] = by_bytes_.try_emplace(
        sysctl.SerializeAsString(), static_cast<uint32_t>(packed_.sysctls_size()));
    if (is_new) *packed_.add_sysctls() = sysctl;
    return by_address_[&sysctl] = position->second;
  }

  v1::DriftBaseline packed_;
  absl::flat_hash_map<const v1::Sysctl*, uint32_t> by_address_;
  absl::flat_hash_map<std::string, uint32_t> by_bytes_;
};

absl::Status Wrong(const v1::SavedReading& saved, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("host '", saved.agent(), "' ", what));
}

absl::StatusOr<SavedHost> Unpack(const v1::SavedReading& saved,
                                 absl::Span<const SharedSysctl> sysctls) {
  SavedHost host{.agent = saved.agent(), .address = saved.address(), .reading = {}};
  for (const uint32_t position : saved.sysctls()) {
    if (position >= sysctls.size()) return Wrong(saved, "has a parameter that is not in the file");
    const SharedSysctl& sysctl = sysctls[position];
    if (!host.reading.sysctls.empty() && host.reading.sysctls.back().key() >= sysctl->key()) {
      return Wrong(saved, absl::StrCat("has ", sysctl->key(), " not in its order"));
    }
    host.reading.sysctls.Add(sysctl);
  }
  host.reading.problems = {saved.problems().begin(), saved.problems().end()};
  host.reading.unmatched = {saved.unmatched().begin(), saved.unmatched().end()};
  host.reading.dropped = saved.dropped();
  host.reading.content_hash = saved.content_hash();
  if (!saved.boot_id().empty()) {
    host.reading.facts = HostFacts{.kernel = saved.kernel(),
                                   .memory_bytes = saved.memory_bytes(),
                                   .labels = {},
                                   .boot_id = saved.boot_id()};
  }
  return host;
}

}  // namespace

v1::DriftBaseline PackReadings(absl::Span<const SavedHost> hosts) {
  Packer packer;
  for (const SavedHost& host : hosts) {
    if (host.reading.status.ok()) packer.Add(host);
  }
  return std::move(packer).Finish();
}

absl::StatusOr<std::vector<SavedHost>> UnpackReadings(const v1::DriftBaseline& packed) {
  std::vector<SharedSysctl> sysctls;
  for (const v1::Sysctl& sysctl : packed.sysctls()) {
    const absl::StatusOr<std::string> key = sysctl::ParseKey(sysctl.key());
    if (!key.ok() || *key != sysctl.key()) {
      return absl::InvalidArgumentError(absl::StrCat("'", sysctl.key(), "' is no parameter"));
    }
    sysctls.push_back(std::make_shared<const v1::Sysctl>(sysctl));
  }
  absl::flat_hash_set<std::string> names;
  std::vector<SavedHost> hosts;
  for (const v1::SavedReading& saved : packed.hosts()) {
    if (saved.agent().empty() || !names.insert(saved.agent()).second) {
      return Wrong(saved, "has no name, or comes twice");
    }
    TF_ASSIGN_OR_RETURN(hosts.emplace_back(), Unpack(saved, sysctls));
  }
  return hosts;
}

}  // namespace tcpfleet::controller
