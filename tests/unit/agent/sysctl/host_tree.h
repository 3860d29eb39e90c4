// A host in a directory of its own: parameters, configuration files and a state directory, with
// changers that work on it.
#pragma once

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/sysctl/sysctl_changer.h"
#include "common/base/clock.h"
#include "common/sys/file.h"
#include "common/sysctl/change_set.h"
#include "common/sysctl/value.h"

namespace tcpfleet::agent {

class ManualClock final : public base::Clock {
 public:
  int64_t MonotonicNs() const override { return now_ns; }
  absl::Time Now() const override { return absl::FromUnixSeconds(1'700'000'000) + Passed(); }
  bool SleepUntil(int64_t, std::stop_token) override { return false; }
  void Advance(absl::Duration by) { now_ns += absl::ToInt64Nanoseconds(by); }
  absl::Duration Passed() const { return absl::Nanoseconds(now_ns.load()); }

  std::atomic<int64_t> now_ns = 0;
};

// A directory in memory where there is such a file system: what syncs often would take minutes.
class MemoryDirectory {
 public:
  MemoryDirectory() {
    std::string in_memory = "/dev/shm/tcpfleet-test.XXXXXX";
    path_ = ::mkdtemp(in_memory.data()) != nullptr ? in_memory : on_disk_.path();
  }
  ~MemoryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  MemoryDirectory(const MemoryDirectory&) = delete;
  MemoryDirectory& operator=(const MemoryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  sys::TemporaryDirectory on_disk_ = *sys::TemporaryDirectory::Create("tcpfleet-test");
  std::string path_;
};

using NewValue = std::pair<std::string, std::string>;

class HostTree {
 public:
  static constexpr char kOwnFile[] = "/etc/sysctl.d/95-tcpfleet.conf";
  static constexpr char kBootId[] = "11111111-2222-3333-4444-555555555555";
  static constexpr uint64_t kNamespace = 4'026'531'840;

  HostTree() {
    for (const auto& [key, value] : std::vector<NewValue>{
             {"net/core/somaxconn", "4096"},
             {"net/core/netdev_budget", "300"},
             {"net/ipv4/ip_forward", "0"},
             {"net/ipv4/ip_local_port_range", "32768\t60999"},
             {"net/ipv4/ip_local_reserved_ports", ""},
             {"net/ipv4/ip_unprivileged_port_start", "1024"},
             {"net/ipv4/conf/all/accept_redirects", "0"},
             {"net/ipv4/tcp_available_congestion_control", "reno cubic"},
             {"net/ipv4/tcp_congestion_control", "cubic"},
             {"net/ipv4/tcp_fin_timeout", "60"},
             {"net/ipv4/tcp_rmem", "4096\t131072\t33554432"},
             {"net/ipv4/tcp_fastopen_key", "secret"},
             {"fs/file-max", "100000"},
         }) {
      Write("/proc/sys/" + key, value + "\n");
    }
    std::filesystem::create_directories(path() + "/etc/sysctl.d");
  }

  const std::string& path() const { return directory_.path(); }
  std::string state() const { return path() + "/state"; }

  void Write(const std::string& file, const std::string& text) const {
    const std::filesystem::path whole = path() + file;
    std::filesystem::create_directories(whole.parent_path());
    EXPECT_TRUE(sys::WriteFile(whole, text).ok());
  }
  // "none" when it is not there.
  std::string Read(const std::string& file) const {
    return sys::ReadFile(path() + file).value_or("none");
  }
  std::string Value(const std::string& key) const {
    return sysctl::Canonical(key, Read("/proc/sys/" + key));
  }

  SysctlChanger::Options Options() const {
    SysctlChanger::Options options;
    options.root = path();
    options.state_directory = state();
    options.own_file = kOwnFile;
    options.planner = {.allowed = {std::begin(kDefaultAllowedKeys), std::end(kDefaultAllowedKeys)},
                       .boot_id = kBootId,
                       .network_namespace = kNamespace};
    options.planner.allowed.emplace_back("net/ipv4/ip_forward");
    return options;
  }
  std::unique_ptr<SysctlChanger> NewChanger(sys::BeforeStep before_step = nullptr) {
    SysctlChanger::Options options = Options();
    options.before_step = std::move(before_step);
    options.boottime_ns = [this] { return boottime_ns_.load(); };
    return std::make_unique<SysctlChanger>(std::move(options), &clock_);
  }

  // Of this host as it is now.
  v1::SysctlChangeSet Set(const std::vector<NewValue>& values, bool persist = true) const {
    v1::SysctlChangeSet set;
    set.set_plan_id(std::string(64, 'a'));
    for (const auto& [key, value] : values) {
      v1::SysctlChange& change = *set.add_changes();
      change.set_key(key);
      change.set_old_value(Value(key));
      change.set_new_value(value);
    }
    set.set_persist(persist);
    set.mutable_planned_at()->set_seconds(absl::ToUnixSeconds(clock_.Now()));
    set.set_author("root@console");
    set.set_reason("test");
    set.set_boot_id(kBootId);
    set.set_network_namespace(kNamespace);
    set.set_hash(sysctl::HashOf(set));
    return set;
  }

  MemoryDirectory directory_;
  ManualClock clock_;
  std::atomic<int64_t> boottime_ns_ = 0;
};

inline constexpr char kHolder[] = "rollout-0123456789";
inline constexpr char kOtherHolder[] = "another-0123456789";

inline v1::ApplySysctlsResponse ApplyTo(SysctlChanger& changer, const v1::SysctlChangeSet& set,
                                        const std::string& peer = "ipv4:198.18.0.1:1000",
                                        const std::string& holder = kHolder) {
  v1::ApplySysctlsRequest request;
  *request.mutable_set() = set;
  request.set_holder(holder);
  return changer.Apply(request, peer).value();
}

inline absl::StatusOr<v1::ConfirmSysctlsResponse> ConfirmTo(
    SysctlChanger& changer, const std::string& transaction,
    const std::string& peer = "ipv4:198.18.0.1:2000", const std::string& holder = kHolder) {
  v1::ConfirmSysctlsRequest request;
  request.set_transaction(transaction);
  request.set_holder(holder);
  return changer.Confirm(request, peer);
}

inline absl::StatusOr<v1::RollbackSysctlsResponse> RollbackTo(SysctlChanger& changer,
                                                              const std::string& transaction,
                                                              bool force = false) {
  v1::RollbackSysctlsRequest request;
  request.set_transaction(transaction);
  request.set_force(force);
  request.set_author("root@console");
  return changer.Rollback(request, "ipv4:198.18.0.1:3000");
}

}  // namespace tcpfleet::agent
