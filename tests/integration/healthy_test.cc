// A fleet that is well: `tcpfleet diagnose` and `tcpfleet monitor` say so all the time.
//
// TCPFLEET_HEALTHY_SECONDS is for how long, 45 unless set.
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/util/json_util.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/tcp_socket.h"
#include "tcpfleet/v1/monitor.pb.h"
#include "tests/integration/diagnose_fixture.h"
#include "tests/integration/routed_path.h"
#include "tests/support/plain_client.h"
#include "tests/support/plain_server.h"

namespace tcpfleet::tests {
namespace {

using ::testing::IsEmpty;

constexpr uint16_t kShortPort = 8080;
constexpr uint16_t kPoolPort = 8081;
constexpr uint16_t kBulkPort = 8082;
constexpr uint16_t kUploadPort = 8083;
constexpr uint16_t kRestartedPort = 8084;
constexpr int kPool = 30;
constexpr size_t kPathMtu = 1'300;

absl::Duration HowLong() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it
  const char* const text = std::getenv("TCPFLEET_HEALTHY_SECONDS");
  int seconds = 45;
  if (text != nullptr && (!absl::SimpleAtoi(text, &seconds) || seconds < 20)) {
    ADD_FAILURE() << "TCPFLEET_HEALTHY_SECONDS must be a number of at least 20, not " << text;
  }
  return absl::Seconds(seconds);
}

// What is done again and again, each thing in a thread of its own, until it goes.
class Traffic {
 public:
  // Something that must not fail.
  void Every(absl::Duration period, std::string name, std::function<absl::Status()> work) {
    threads_.emplace_back([this, period, name = std::move(name),
                           work = std::move(work)](const std::stop_token& stop) {
      int64_t next_ns = clock_.MonotonicNs();
      while (clock_.SleepUntil(next_ns, stop)) {
        const absl::Status status = work();
        if (status.ok()) {
          Count(name);
        } else {
          Fail(absl::StrCat(name, ": ", status.ToString()));
        }
        next_ns = std::max(next_ns + absl::ToInt64Nanoseconds(period), clock_.MonotonicNs());
      }
    });
  }

  int Done(const std::string& name) {
    base::MutexLock lock(mutex_);
    return done_[name];
  }

  // Ends everything; what failed.
  std::vector<std::string> Stop() {
    threads_.clear();
    base::MutexLock lock(mutex_);
    return failures_;
  }

 private:
  static constexpr size_t kMostFailures = 20;

  void Count(const std::string& name) {
    base::MutexLock lock(mutex_);
    ++done_[name];
  }

  void Fail(std::string what) {
    base::MutexLock lock(mutex_);
    if (failures_.size() < kMostFailures) failures_.push_back(std::move(what));
  }

  base::SystemClock clock_;
  base::Mutex mutex_;
  std::map<std::string, int> done_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> failures_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::jthread> threads_;  // last member: joins before the rest dies
};

absl::Status UseOnce(const base::Endpoint& server, const Host& from, size_t bytes, int rounds) {
  TF_ASSIGN_OR_RETURN(const sys::UniqueFd socket, ConnectTo(server, &from.network()));
  return Exchange(socket.get(), bytes, rounds);
}

absl::Status Upload(const base::Endpoint& server, const Host& from, int blocks) {
  TF_ASSIGN_OR_RETURN(const sys::UniqueFd socket, ConnectTo(server, &from.network()));
  const std::string block(65'536, 'x');
  for (int i = 0; i < blocks; ++i) {
    if (::send(socket.get(), block.data(), block.size(), MSG_NOSIGNAL) < 0) {
      return sys::ErrnoStatus("send");
    }
  }
  return absl::OkStatus();
}

// A client that opens a new connection, after a pause, when the server has closed the one it has.
class PatientClient {
 public:
  PatientClient(base::Endpoint server, const Host& from) : server_(server), from_(from) {}

  absl::Status Use() {
    if (!socket_.valid()) {
      absl::StatusOr<sys::UniqueFd> socket = ConnectTo(server_, &from_.network());
      if (!socket.ok()) return absl::OkStatus();  // being started; later, then
      socket_ = *std::move(socket);
    }
    std::byte end{};
    const bool is_over = ::recv(socket_.get(), &end, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    if (is_over || !Exchange(socket_.get(), 500).ok()) socket_.Reset();
    return absl::OkStatus();
  }

 private:
  const base::Endpoint server_;
  const Host& from_;
  sys::UniqueFd socket_;
};

class HealthyTest : public FleetTest {
 protected:
  void SetUp() override {
    FleetTest::SetUp();
    if (IsSkipped()) return;
    for (Host** host : {&web_, &app_, &batch_}) {
      *host = AddAgent(host == &web_ ? "web" : host == &app_ ? "app" : "batch").host;
    }
    RoutedPath path(*AddAgent("router").host);
    for (Host* host : {web_, batch_}) ASSERT_THAT(path.Attach(*host), IsOk());
    // The way beyond the router takes smaller packets than the links on both sides, and whoever
    // sends larger ones is told so, again and again.
    for (const auto& [host, end] : {std::pair(web_, 1), std::pair(batch_, 2)}) {
      Command(path.router(),
              {"ip", "route", "change", host->ipv4().ToString(), "via",
               absl::StrCat("10.77.", end, ".2"), "mtu", "lock", absl::StrCat(kPathMtu)});
      ASSERT_THAT(host->SetSysctl("net.ipv4.route.mtu_expires", "5"), IsOk());
    }
  }

  static void Command(const Host& host, std::vector<std::string> arguments) {
    const absl::StatusOr<CommandResult> result = host.Command(std::move(arguments));
    ASSERT_THAT(result, IsOk());
    ASSERT_EQ(result->exit_code, 0) << result->err;
  }

  std::unique_ptr<PlainServer> Serve(
      uint16_t port, PlainServer::Behaviour behaviour = PlainServer::Behaviour::kEcho) {
    absl::StatusOr<std::unique_ptr<PlainServer>> server =
        PlainServer::Create(behaviour, At(port), &web_->network());
    EXPECT_THAT(server, IsOk());
    return server.ok() ? *std::move(server) : nullptr;
  }

  base::Endpoint At(uint16_t port) const { return {web_->ipv4(), port}; }

  // Connections of a pool that are used one after the other, each every few seconds.
  void UsePool(Traffic& traffic) {
    for (int i = 0; i < kPool; ++i) {
      pool_.push_back(ConnectTo(At(kPoolPort), &app_->network()).value());
      ASSERT_THAT(sys::SetOption(pool_.back().get(), SOL_SOCKET, SO_KEEPALIVE, 1), IsOk());
    }
    traffic.Every(absl::Milliseconds(300), "pool", [this] {
      const sys::UniqueFd& socket = pool_[next_++ % pool_.size()];
      return Exchange(socket.get(), 2'000);
    });
  }

  void Transfer(Traffic& traffic) {
    for (Host* host : {app_, batch_}) {
      traffic.Every(absl::Milliseconds(10), "short",
                    [this, host] { return UseOnce(At(kShortPort), *host, 700, 1); });
    }
    traffic.Every(absl::Seconds(3), "bulk",
                  [this] { return UseOnce(At(kBulkPort), *batch_, 65'536, 100); });
    traffic.Every(absl::Seconds(4), "upload",
                  [this] { return Upload(At(kUploadPort), *batch_, 150); });
  }

  // A service that is closed and started again, and its clients.
  void Restart(Traffic& traffic) {
    restarted_ = Serve(kRestartedPort);
    for (Host* host : {app_, batch_, app_, batch_}) {
      auto client = std::make_shared<PatientClient>(At(kRestartedPort), *host);
      traffic.Every(absl::Milliseconds(500), "reconnecting", [client] { return client->Use(); });
    }
    traffic.Every(absl::Seconds(10), "restart", [this] {
      restarted_.reset();
      restarted_ = Serve(kRestartedPort);
      return absl::OkStatus();
    });
  }

  RunningProgram StartMonitor(absl::Duration length) {
    std::string rules;
    for (const std::string& rule : kOfTheMachine) absl::StrAppend(&rules, "  ", rule, ": off\n");
    const std::string config = absl::StrCat(directory_->path(), "/monitor.yaml");
    EXPECT_THAT(sys::WriteFile(config, absl::StrCat("for: 0s\nrules:\n", rules)), IsOk());
    return StartController({"--output", "json", "monitor", "--config", config, "--every", "5s",
                            "--for", absl::FormatDuration(length)});
  }

  // Rules of which `tcpfleet diagnose` warns in windows back to back until then, and where.
  std::vector<std::string> Diagnose(absl::Duration window, int64_t until_ns) {
    std::vector<std::string> said;
    do {
      const CommandResult result = Finish(
          StartController({"--output", "json", "diagnose", "--for", absl::FormatDuration(window)}),
          window);
      v1::DiagnosisReport report;
      EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(result.out, &report).ok())
          << result.out << result.err;
      EXPECT_TRUE(report.failures().empty()) << report.DebugString();
      EXPECT_FALSE(report.fine().empty());
      for (const v1::Finding& finding : report.findings()) {
        if (finding.severity() == "info" || kOfTheMachine.contains(finding.rule())) continue;
        said.push_back(finding.ShortDebugString());
      }
    } while (base::MonotonicNowNs() < until_ns);
    return said;
  }

  static std::vector<std::string> AlertsIn(const std::string& json) {
    std::vector<std::string> alerts;
    v1::MonitorReport report;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &report).ok()) << json;
    EXPECT_TRUE(report.failures().empty()) << report.DebugString();
    EXPECT_EQ(report.hosts_size(), 4);
    for (const v1::Alert& alert : report.alerts()) {
      if (alert.severity() != "info") alerts.push_back(alert.ShortDebugString());
    }
    return alerts;
  }

  // Packets of which the router has said that they are too large for the way beyond it.
  static int RefusedPackets(const Host& router) {
    const std::string text = router.Command({"nstat", "-asz", "IcmpOutDestUnreachs"})->out;
    const std::vector<std::string> words =
        absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
    const auto name = std::find(words.begin(), words.end(), "IcmpOutDestUnreachs");
    int packets = 0;
    EXPECT_TRUE(name != words.end() && absl::SimpleAtoi(*(name + 1), &packets)) << text;
    return packets;
  }

  // Ends within a minute after `length`.
  static CommandResult Finish(RunningProgram program, absl::Duration length) {
    const std::optional<int> exit_code = program.process.WaitUntil(
        base::MonotonicNowNs() + absl::ToInt64Nanoseconds(length + absl::Minutes(1)));
    EXPECT_TRUE(exit_code.has_value()) << program.err.Text();
    return {exit_code.value_or(-1), program.out.Text(), program.err.Text()};
  }

  Host* web_ = nullptr;
  Host* app_ = nullptr;
  Host* batch_ = nullptr;
  std::vector<sys::UniqueFd> pool_;
  size_t next_ = 0;
  std::unique_ptr<PlainServer> restarted_;
};

TEST_F(HealthyTest, NoRuleWarnsOfTrafficThatIsWell) {
  const absl::Duration length = HowLong();
  const auto window = std::clamp(length / 2, absl::Seconds(10), absl::Seconds(60));
  std::vector<std::unique_ptr<PlainServer>> servers;
  for (const uint16_t port : {kShortPort, kPoolPort, kBulkPort}) servers.push_back(Serve(port));
  servers.push_back(Serve(kUploadPort, PlainServer::Behaviour::kHold));
  Traffic traffic;
  UsePool(traffic);
  Transfer(traffic);
  Restart(traffic);
  const std::vector<std::string> kinds = {"short",  "pool",         "bulk",
                                          "upload", "reconnecting", "restart"};
  for (const std::string& kind : kinds) {
    ASSERT_TRUE(EventuallyTrue([&] { return traffic.Done(kind) >= 2; }))
        << kind << testing::PrintToString(traffic.Stop());
  }
  const int64_t until_ns = base::MonotonicNowNs() + absl::ToInt64Nanoseconds(length - window / 2);
  RunningProgram monitor = StartMonitor(length);
  EXPECT_THAT(Diagnose(window, until_ns), IsEmpty());
  const CommandResult monitored = Finish(std::move(monitor), length);
  EXPECT_EQ(monitored.exit_code, 0) << monitored.err;
  EXPECT_THAT(AlertsIn(monitored.out), IsEmpty());
  EXPECT_THAT(traffic.Stop(), IsEmpty());
  EXPECT_GE(RefusedPackets(*agent("router").host), 3);
  for (const std::string& kind : kinds) EXPECT_GE(traffic.Done(kind), 3) << kind;
}

}  // namespace
}  // namespace tcpfleet::tests
