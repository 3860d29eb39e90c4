// Hosts for tests that cross a network: one network namespace each, all on one switch (a bridge in
// a namespace of its own). No traffic leaves them.
//
//   auto lab = NetworkLab::Create();            // or derive from NetworkLabTest
//   Host& web = **(*lab)->AddHost("web1");      // 198.18.0.1/24 and fd00:18::1/64
//   auto agent = web.Spawn(options);
//   web.CutLink();
//
// Owns:    the namespaces, by descriptor only, and the programs Spawn started: everything is gone
//          with the object, and also when the test is killed.
// Threads: const functions from any thread.
// Errors:  PermissionDenied without CAP_SYS_ADMIN and without user namespaces.
// Bounds:  254 hosts.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/ip_address.h"
#include "common/sys/child_process.h"
#include "common/sys/net_namespace.h"
#include "tests/support/run_command.h"

namespace tcpfleet::tests {

class NetworkLab;

class Host {
 public:
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  const std::string& name() const { return name_; }
  base::IpAddress ipv4() const;
  base::IpAddress ipv6() const;
  const sys::NetNamespace& network() const { return network_; }

  // Runs `work` in this host's namespace, on a thread of its own; sockets it opens stay here.
  absl::Status Run(const std::function<absl::Status()>& work) const;

  // Starts a program here. It is killed with the thread that calls this, so that it does not
  // outlive a killed test. A missing program shows as exit code 127.
  absl::StatusOr<sys::ChildProcess> Spawn(sys::ChildProcess::Options options) const;

  // Runs a program here to its end.
  absl::StatusOr<CommandResult> Command(std::vector<std::string> arguments,
                                        absl::Duration timeout = absl::Seconds(60)) const;

  // "net.ipv4.tcp_syn_retries", "2"
  absl::Status SetSysctl(const std::string& key, const std::string& value) const;

  // The switch drops every frame from and to this host; the host itself notices nothing, as when a
  // switch in between fails.
  absl::Status CutLink();
  absl::Status RestoreLink();

  // The switch loses TCP packets from and to this host: every n-th, or a random share of them. A
  // new call replaces the loss before it; 0 ends it. Bulk data travels in packets of up to 64 KiB
  // (GSO), so one lost packet is then many lost segments. Smaller ones would overtake each other on
  // their way through several CPUs and cause retransmits where nothing is lost.
  absl::Status DropEveryNth(uint32_t n);
  absl::Status DropShare(double share);
  // Lost so since the last such call.
  absl::StatusOr<uint64_t> LostPackets() const;

 private:
  friend class NetworkLab;
  Host(std::string name, int number, const sys::NetNamespace* switch_network,
       sys::NetNamespace network);
  absl::Status Connect();
  absl::Status SetLoss(const std::string& match);
  std::string LossTable() const { return "bridge loss_" + port_; }

  const std::string name_;
  const int number_;  // last byte of the address
  const std::string port_;
  const sys::NetNamespace* const switch_network_;
  const sys::NetNamespace network_;
};

class NetworkLab {
 public:
  static absl::StatusOr<std::unique_ptr<NetworkLab>> Create();
  // The host stays until the lab goes.
  absl::StatusOr<Host*> AddHost(const std::string& name);

 private:
  explicit NetworkLab(sys::NetNamespace switch_network)
      : switch_network_(std::move(switch_network)) {}
  const sys::NetNamespace switch_network_;
  std::vector<std::unique_ptr<Host>> hosts_;
};

// A fixture with a lab. Skips where the right to make namespaces is missing.
class NetworkLabTest : public testing::Test {
 protected:
  void SetUp() override;
  Host& AddHost(const std::string& name) { return *lab_->AddHost(name).value(); }
  std::unique_ptr<NetworkLab> lab_;
};

}  // namespace tcpfleet::tests
