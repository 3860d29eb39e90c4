#include "tests/support/network_lab.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <unistd.h>

#include <cmath>
#include <utility>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::tests {
namespace {

constexpr int kMostHosts = 254;

absl::StatusOr<std::string> OutputIn(const sys::NetNamespace& network,
                                     const std::vector<std::string>& arguments,
                                     const std::string& input = "") {
  std::string output;
  TF_RETURN_IF_ERROR(network.Run([&]() -> absl::Status {
    TF_ASSIGN_OR_RETURN(output, OutputOf(arguments, input));
    return absl::OkStatus();
  }));
  return output;
}

absl::Status IpBatch(const sys::NetNamespace& network, const std::string& lines) {
  return OutputIn(network, {"ip", "-batch", "-"}, lines).status();
}

// Where a program we start finds the namespace.
std::string PathOf(const sys::NetNamespace& network) {
  return absl::StrCat("/proc/", ::getpid(), "/fd/", network.fd());
}

}  // namespace

Host::Host(std::string name, int number, const sys::NetNamespace* switch_network,
           sys::NetNamespace network)
    : name_(std::move(name)),
      number_(number),
      port_(absl::StrCat("port", number)),
      switch_network_(switch_network),
      network_(std::move(network)) {}

base::IpAddress Host::ipv4() const {
  return base::IpAddress::V4({198, 18, 0, static_cast<uint8_t>(number_)});
}

base::IpAddress Host::ipv6() const {
  return base::IpAddress::V6(
      {0xfd, 0, 0, 0x18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(number_)});
}

absl::Status Host::Connect() {
  TF_RETURN_IF_ERROR(
      IpBatch(*switch_network_,
              absl::StrCat("link add ", port_, " type veth peer name eth0 netns ", PathOf(network_),
                           "\n"
                           "link set ",
                           port_, " master switch up\n")));
  return IpBatch(network_, absl::StrCat("link set lo up\n"
                                        "address add ",
                                        ipv4().ToString(),
                                        "/24 dev eth0\n"
                                        "address add ",
                                        ipv6().ToString(),
                                        "/64 dev eth0 nodad\n"
                                        "link set eth0 up\n"));
}

absl::Status Host::Run(const std::function<absl::Status()>& work) const {
  return network_.Run(work);
}

absl::StatusOr<sys::ChildProcess> Host::Spawn(sys::ChildProcess::Options options) const {
  const std::vector<std::string> enter = {"nsenter", absl::StrCat("--net=", PathOf(network_)),
                                          "setpriv", "--pdeathsig=KILL", "--"};
  options.arguments.insert(options.arguments.begin(), enter.begin(), enter.end());
  return sys::ChildProcess::Start(options);
}

absl::StatusOr<CommandResult> Host::Command(std::vector<std::string> arguments,
                                            absl::Duration timeout) const {
  CommandResult result;
  TF_RETURN_IF_ERROR(network_.Run([&]() -> absl::Status {
    TF_ASSIGN_OR_RETURN(result, RunCommand(std::move(arguments), timeout));
    return absl::OkStatus();
  }));
  return result;
}

absl::Status Host::SetSysctl(const std::string& key, const std::string& value) const {
  // /proc/sys/net shows the namespace of the thread that opens it.
  return network_.Run([&] {
    return sys::WriteFile(absl::StrCat("/proc/sys/", absl::StrReplaceAll(key, {{".", "/"}})),
                          value);
  });
}

// Out of the bridge: without STP a bridge port does not stay in any other state than forwarding.
absl::Status Host::CutLink() {
  return IpBatch(*switch_network_, absl::StrCat("link set ", port_, " nomaster\n"));
}

absl::Status Host::RestoreLink() {
  return IpBatch(*switch_network_, absl::StrCat("link set ", port_, " master switch\n"));
}

absl::Status Host::DropEveryNth(uint32_t n) {
  return SetLoss(n == 0 ? "" : absl::StrCat("numgen inc mod ", n, " == ", n - 1));
}

absl::Status Host::DropShare(double share) {
  if (!(share >= 0 && share <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("a share is 0 to 1, not ", share));
  }
  constexpr int kSteps = 1'000'000;
  return SetLoss(
      share == 0 ? ""
                 : absl::StrCat("numgen random mod ", kSteps, " < ", std::lround(share * kSteps)));
}

absl::Status Host::SetLoss(const std::string& match) {
  const std::string table = absl::StrCat("table ", LossTable());
  const std::string rule = match.empty() ? "" : absl::StrCat(match, " counter name lost drop");
  return OutputIn(*switch_network_, {"nft", "-f", "-"},
                  absl::StrCat(table, "\ndelete ", table, "\n", table, " {\n",
                               "counter lost {}\n"
                               "chain loss {\n",
                               rule,
                               "\n}\n"
                               "chain forward {\n"
                               "type filter hook forward priority 0\n"
                               "meta l4proto tcp iifname ",
                               port_,
                               " jump loss\n"
                               "meta l4proto tcp oifname ",
                               port_, " jump loss\n}\n}\n"))
      .status();
}

absl::StatusOr<uint64_t> Host::LostPackets() const {
  std::vector<std::string> command = {"nft", "list", "counter"};
  for (const absl::string_view word : absl::StrSplit(LossTable(), ' ')) command.emplace_back(word);
  command.emplace_back("lost");
  TF_ASSIGN_OR_RETURN(const std::string text, OutputIn(*switch_network_, command));
  const std::vector<absl::string_view> words =
      absl::StrSplit(text, absl::ByAnyChar(" \t\n"), absl::SkipEmpty());
  uint64_t packets = 0;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == "packets" && absl::SimpleAtoi(words[i + 1], &packets)) return packets;
  }
  return absl::DataLossError(absl::StrCat("nft counter without packets: ", text));
}

absl::StatusOr<std::unique_ptr<NetworkLab>> NetworkLab::Create() {
  TF_ASSIGN_OR_RETURN(sys::NetNamespace network, sys::NetNamespace::CreateNew());
  TF_RETURN_IF_ERROR(IpBatch(network,
                             "link add switch type bridge forward_delay 0 mcast_snooping 0\n"
                             "link set switch up\n"));
  return std::unique_ptr<NetworkLab>(new NetworkLab(std::move(network)));
}

absl::StatusOr<Host*> NetworkLab::AddHost(const std::string& name) {
  const int number = static_cast<int>(hosts_.size()) + 1;
  if (number > kMostHosts) {
    return absl::ResourceExhaustedError(absl::StrCat("a lab has at most ", kMostHosts, " hosts"));
  }
  TF_ASSIGN_OR_RETURN(sys::NetNamespace network, sys::NetNamespace::CreateNew());
  std::unique_ptr<Host> host(new Host(name, number, &switch_network_, std::move(network)));
  TF_RETURN_IF_ERROR(base::WithContext(absl::StrCat("host ", name), host->Connect()));
  hosts_.push_back(std::move(host));
  return hosts_.back().get();
}

void NetworkLabTest::SetUp() {
  absl::StatusOr<std::unique_ptr<NetworkLab>> created = NetworkLab::Create();
  if (absl::IsPermissionDenied(created.status())) {
    GTEST_SKIP() << "needs CAP_SYS_ADMIN or unprivileged user namespaces: " << created.status();
  }
  ASSERT_THAT(created, IsOk());
  lab_ = *std::move(created);
}

}  // namespace tcpfleet::tests
