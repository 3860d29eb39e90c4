// Symptoms provoked between a server and a client, and what `tcpfleet diagnose` says of them.
#pragma once

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/sys/file.h"
#include "common/sys/socket_address.h"
#include "common/sys/tcp_listener.h"
#include "common/sys/tcp_socket.h"
#include "common/sys/unique_fd.h"
#include "tcpfleet/v1/diagnosis.pb.h"
#include "tests/integration/fleet_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::tests {

using Said = std::vector<std::string>;  // "web connect-timeout"

inline const auto& kOfTheMachine = *new std::set<std::string>{
    "neighbour-table-pressure", "orphan-pressure",        "process-fd-exhaustion",
    "softnet-backlog-drop",     "softnet-budget-squeeze", "system-fd-exhaustion",
    "tcp-memory-pressure"};

// Sockets in the namespaces of a server and a client.
class DiagnoseTest : public FleetTest {
 protected:
  void SetUp() override {
    FleetTest::SetUp();
    if (IsSkipped()) return;
    web_ = AddAgent("web").host;
    client_ = AddAgent("client").host;
  }

  sys::UniqueFd Listen(int backlog, uint16_t port) {
    absl::StatusOr<sys::UniqueFd> listener;
    EXPECT_THAT(web_->Run([&] {
      listener = sys::ListenTcp(port, backlog);
      return listener.status();
    }),
                IsOk());
    return std::move(listener).value();
  }

  // Begins connections and leaves them alone.
  std::vector<sys::UniqueFd> Connect(int count, uint16_t port) {
    std::vector<sys::UniqueFd> sockets;
    EXPECT_THAT(client_->Run([&] {
      const sys::SocketAddress address = sys::ToSocketAddress({web_->ipv4(), port});
      for (int i = 0; i < count; ++i) {
        sockets.emplace_back(sys::NewTcpSocket(AF_INET));
        const int error = sys::Connect(sockets.back().get(), address);
        EXPECT_THAT(error, testing::AnyOf(0, EINPROGRESS, EADDRNOTAVAIL));
      }
      return absl::OkStatus();
    }),
                IsOk());
    return sockets;
  }

  static sys::UniqueFd AcceptOne(const sys::UniqueFd& listener) {
    int fd = -1;
    EXPECT_TRUE(EventuallyTrue([&] { return (fd = sys::Accept(listener.get())) >= 0; }));
    return sys::UniqueFd(fd);
  }

  struct Pairs {
    std::vector<sys::UniqueFd> clients;
    std::vector<sys::UniqueFd> servers;
  };

  Pairs Establish(int count, const sys::UniqueFd& listener, uint16_t port) {
    Pairs pairs;
    for (int i = 0; i < count; ++i) {
      std::vector<sys::UniqueFd> one = Connect(1, port);
      pairs.servers.push_back(AcceptOne(listener));
      pairs.clients.push_back(std::move(one.front()));
    }
    return pairs;
  }

  static void SendSome(const std::vector<sys::UniqueFd>& sockets, size_t bytes = 5) {
    const std::vector<std::byte> data(bytes);
    for (const sys::UniqueFd& socket : sockets) sys::Send(socket.get(), data);
  }

  // Sends until nothing more is taken.
  static void Fill(const sys::UniqueFd& socket, size_t write = 65'536) {
    const std::vector<std::byte> data(write);
    for (int i = 0; i < 1'000 && sys::Send(socket.get(), data) > 0; ++i) {
    }
  }

  static void Drain(const sys::UniqueFd& socket) {
    for (int i = 0; i < 1'000 && sys::Discard(socket.get(), 1 << 20) > 0; ++i) {
    }
  }

  static void ResetAll(std::vector<sys::UniqueFd>& sockets) {
    for (const sys::UniqueFd& socket : sockets) {
      EXPECT_THAT(sys::SetLingerReset(socket.get()), IsOk());
    }
    sockets.clear();
  }

  // Connections that the client closes first.
  void OpenAndClose(int count, const sys::UniqueFd& listener, uint16_t port) {
    for (int i = 0; i < count; ++i) {
      std::vector<sys::UniqueFd> one = Connect(1, port);
      const sys::UniqueFd accepted = AcceptOne(listener);
      one.clear();
      std::array<std::byte, 1> end{};
      EXPECT_TRUE(
          EventuallyTrue([&] { return sys::Receive(accepted.get(), absl::MakeSpan(end)) == 0; }));
    }
  }

  static tcp_info InfoOf(const sys::UniqueFd& socket) {
    tcp_info info{};
    sys::ReadTcpInfo(socket.get(),
                     absl::MakeSpan(reinterpret_cast<std::byte*>(&info), sizeof(info)));
    return info;
  }

  // Until nothing has come from the peer for so long.
  static void WaitUntilSilent(const sys::UniqueFd& socket, uint32_t milliseconds) {
    EXPECT_TRUE(EventuallyTrue([&] { return InfoOf(socket).tcpi_last_ack_recv >= milliseconds; }));
  }

  // SYN-ACKs do not reach the client.
  void LoseSynAcks() {
    const std::string rules =
        "table ip lossy { chain arriving { type filter hook input priority 0; "
        "tcp flags & (syn | ack) == syn | ack drop; }; }";
    ASSERT_EQ(client_->Command({"nft", rules}).value().exit_code, 0);
  }

  void Set(Host& host, const std::string& key, const std::string& value) {
    ASSERT_THAT(host.SetSysctl(key, value), IsOk());
  }

  static void Command(const Host& host, std::vector<std::string> arguments) {
    const absl::StatusOr<CommandResult> result = host.Command(std::move(arguments));
    ASSERT_THAT(result, IsOk());
    ASSERT_EQ(result->exit_code, 0) << result->err;
  }

  // Flags that change what rules compare with: "  close-wait-leak: {seconds: 1}\n".
  std::vector<std::string> Thresholds(const std::string& rules) {
    const std::string path = absl::StrCat(directory_->path(), "/thresholds.yaml");
    EXPECT_THAT(sys::WriteFile(path, absl::StrCat("rules:\n", rules)), IsOk());
    return {"--thresholds", path};
  }

  // Looks for `window`; `meanwhile` is done again and again.
  v1::DiagnosisReport Diagnose(
      const std::string& window = "4s", const std::function<void()>& meanwhile = [] {},
      const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"--output", "json", "diagnose", "--for", window};
    arguments.insert(arguments.end(), more.begin(), more.end());
    RunningProgram program = StartController(std::move(arguments));
    std::optional<int> exit_code;
    const int64_t deadline_ns = base::MonotonicNowNs() + 60'000'000'000;
    while (!exit_code && base::MonotonicNowNs() < deadline_ns) {
      meanwhile();
      exit_code = program.process.WaitUntil(base::MonotonicNowNs() + 20'000'000);
    }
    EXPECT_THAT(exit_code.value_or(-1), testing::AnyOf(0, 1)) << program.err.Text();
    v1::DiagnosisReport report;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(program.out.Text(), &report).ok())
        << program.out.Text();
    return report;
  }

  // Of warning or worse, but not of counters that namespaces share with all else on this machine.
  static Said WarningsOf(const v1::DiagnosisReport& report) {
    Said said;
    for (const v1::Finding& finding : report.findings()) {
      if (finding.severity() == "info" || kOfTheMachine.contains(finding.rule())) continue;
      for (const std::string& host : finding.hosts()) {
        said.push_back(absl::StrCat(host, " ", finding.rule()));
      }
    }
    return said;
  }

  static void ExpectWarnings(const v1::DiagnosisReport& report, const Said& expected,
                             const Said& companions = {}) {
    Said allowed = expected;
    allowed.insert(allowed.end(), companions.begin(), companions.end());
    if (Names(report, "softnet-backlog-drop")) {
      // Whichever test floods a CPU of this machine, packets of all tests are lost.
      for (const char* host : {"web ", "client "}) {
        for (const char* rule : {"retransmit-rate-high", "rto-dominant"}) {
          allowed.push_back(absl::StrCat(host, rule));
        }
      }
    }
    const Said warnings = WarningsOf(report);
    EXPECT_THAT(std::set(warnings.begin(), warnings.end()), testing::IsSupersetOf(expected))
        << report.DebugString();
    EXPECT_THAT(std::set(warnings.begin(), warnings.end()), testing::IsSubsetOf(allowed))
        << report.DebugString();
  }

  static bool Names(const v1::DiagnosisReport& report, const std::string& rule) {
    return std::any_of(report.findings().begin(), report.findings().end(),
                       [&](const v1::Finding& finding) { return finding.rule() == rule; });
  }

  static v1::Finding FindingOf(const v1::DiagnosisReport& report, const std::string& rule) {
    for (const v1::Finding& finding : report.findings()) {
      if (finding.rule() == rule) return finding;
    }
    ADD_FAILURE() << "no finding of " << rule << " in " << report.DebugString();
    return {};
  }

  // What the finding says after the window.
  static double NumberIn(const v1::Finding& finding, const std::string& name) {
    for (const v1::FindingEvidence& evidence : finding.evidence()) {
      if (evidence.name() == name) return evidence.after();
    }
    ADD_FAILURE() << "no " << name << " in " << finding.DebugString();
    return 0;
  }

  std::string At(uint16_t port) const { return absl::StrCat(web_->ipv4().ToString(), ":", port); }

  Host* web_ = nullptr;
  Host* client_ = nullptr;
};

}  // namespace tcpfleet::tests
