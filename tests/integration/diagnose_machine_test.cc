// `tcpfleet diagnose` on what all of a machine shares: limits, tables, memory and CPUs. No limit of
// the machine is touched: where a rule compares with one, its own threshold is lowered to what a
// test may use.
#include <absl/strings/numbers.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/time/time.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sched.h>
#include <sys/socket.h>

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/diagnose_fixture.h"
#include "tests/support/held_page.h"

namespace tcpfleet::tests {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Ge;

constexpr absl::string_view kTcpMem = "/proc/sys/net/ipv4/tcp_mem";
constexpr absl::string_view kMostNeighbours = "/proc/sys/net/ipv4/neigh/default/gc_thresh3";
constexpr absl::string_view kMostFiles = "/proc/sys/fs/file-max";
constexpr absl::string_view kMostQueued = "/proc/sys/net/core/netdev_max_backlog";
constexpr absl::string_view kMostTracked = "/proc/sys/net/netfilter/nf_conntrack_max";

class DiagnoseMachineTest : public DiagnoseTest {
 protected:
  // Of a line of numbers; nothing when there is no such file or number.
  static std::optional<double> NumberIn(absl::string_view path, size_t index = 0) {
    const absl::StatusOr<std::string> text = sys::ReadFile(std::string(path));
    if (!text.ok()) return std::nullopt;
    const std::vector<absl::string_view> words =
        absl::StrSplit(*text, absl::ByAnyChar(" \t\n"), absl::SkipEmpty());
    double number = 0;
    if (index >= words.size() || !absl::SimpleAtod(words[index], &number)) return std::nullopt;
    return number;
  }

  // The machine itself, by one rule: the kernel shows some limits outside of namespaces only.
  v1::DiagnosisReport DiagnoseMachine(const std::string& rule,
                                      const std::vector<std::string>& more) {
    sys::ChildProcess::Options options;
    options.arguments = {TCPFLEET_PROGRAM, "--output", "json",    "diagnose",
                         "--for",          "1s",       "--rules", rule};
    options.arguments.insert(options.arguments.end(), more.begin(), more.end());
    options.environment = {absl::StrCat("XDG_STATE_HOME=", directory_->path())};
    const CommandResult result = RunCommand(std::move(options)).value();
    EXPECT_EQ(result.exit_code, 1) << result.err;
    v1::DiagnosisReport report;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(result.out, &report).ok())
        << result.out;
    return report;
  }

  static v1::Finding FindingAbout(const v1::DiagnosisReport& report, const std::string& rule,
                                  const std::string& subject) {
    for (const v1::Finding& finding : report.findings()) {
      if (finding.rule() == rule && finding.subject() == subject) return finding;
    }
    ADD_FAILURE() << "no finding of " << rule << " about " << subject << " in "
                  << report.DebugString();
    return {};
  }

  static v1::FindingEvidence EvidenceOf(const v1::Finding& finding, const std::string& name) {
    for (const v1::FindingEvidence& evidence : finding.evidence()) {
      if (evidence.name() == name) return evidence;
    }
    ADD_FAILURE() << "no " << name << " in " << finding.DebugString();
    return {};
  }

  static double GrowthOf(const v1::Finding& finding, const std::string& name) {
    const v1::FindingEvidence evidence = EvidenceOf(finding, name);
    return evidence.after() - evidence.before();
  }

  // Connections whose senders have all they may send to a server that does not read.
  Pairs Stall(int count, const sys::UniqueFd& listener, uint16_t port) {
    Pairs pairs = Establish(count, listener, port);
    for (const sys::UniqueFd& client : pairs.clients) Fill(client);
    return pairs;
  }

  // The server's namespace follows connections; how many it may.
  double TrackConnections() {
    Command(*web_, {"nft",
                    "table ip track { chain arriving { type filter hook input priority 0; ct state "
                    "new counter; }; }"});
    std::optional<double> most;
    EXPECT_THAT(web_->Run([&] {
      most = NumberIn(kMostTracked);
      return absl::OkStatus();
    }),
                IsOk());
    EXPECT_THAT(most, testing::Optional(Ge(1'000.0)));
    return most.value_or(1);
  }

  // At once, and again when so much time has passed.
  static std::function<void()> Every(absl::Duration pause, std::function<void()> work) {
    return [pause, work = std::move(work), next_ns = int64_t{0}]() mutable {
      if (base::MonotonicNowNs() < next_ns) return;
      work();
      next_ns = base::MonotonicNowNs() + absl::ToInt64Nanoseconds(pause);
    };
  }
};

TEST_F(DiagnoseMachineTest, FindsConnectionsThatNobodyOwns) {
  const sys::UniqueFd listener = Listen(64, 8080);
  Pairs pairs = Stall(20, listener, 8080);
  pairs.clients.clear();
  const v1::DiagnosisReport report = Diagnose(
      "2s", [] {}, Thresholds("  orphan-pressure: {max_orphans: 60}\n"));
  ExpectWarnings(report, {"client rwnd-limited"},
                 {"web recv-queue-buildup", "client zero-window-stall"});
  const v1::Finding finding = FindingOf(report, "orphan-pressure");
  EXPECT_THAT(finding.hosts(), Contains("client"));
  EXPECT_GE(EvidenceOf(finding, "orphan").after(), 20);
  EXPECT_EQ(EvidenceOf(finding, "orphan").threshold(), 15);
}

TEST_F(DiagnoseMachineTest, FindsTheMemoryThatQueuesTake) {
  const std::optional<double> pressure = NumberIn(kTcpMem, 1);
  if (!pressure) GTEST_SKIP() << "needs the machine's own network namespace";
  constexpr double kPages = 500;
  const sys::UniqueFd listener = Listen(64, 8080);
  const Pairs pairs = Stall(20, listener, 8080);
  ExpectWarnings(Diagnose("2s"), {"client rwnd-limited"},
                 {"web recv-queue-buildup", "client zero-window-stall"});
  const v1::DiagnosisReport machine =
      DiagnoseMachine("tcp-memory-pressure",
                      Thresholds(absl::StrFormat("  tcp-memory-pressure: {warn_share: %.9f}\n",
                                                 kPages / *pressure)));
  const v1::Finding finding = FindingOf(machine, "tcp-memory-pressure");
  EXPECT_THAT(finding.hosts(), ElementsAre("local"));
  EXPECT_EQ(finding.severity(), "warn");
  EXPECT_GE(EvidenceOf(finding, "mem").after(), kPages);
  EXPECT_EQ(EvidenceOf(finding, "pressure").after(), *pressure);
}

TEST_F(DiagnoseMachineTest, FindsSegmentsThatFindTheirSocketHeld) {
  const absl::StatusOr<HeldPage> allowed = HeldPage::Create();
  if (!allowed.ok())
    GTEST_SKIP() << "needs userfaultfd for the kernel's own faults: " << allowed.status();
  Set(*client_, "net.ipv4.tcp_congestion_control", "reno");
  // A sender waits for acknowledgements after so many segments, and there are none.
  Command(*client_,
          {"ip", "route", "add", web_->ipv4().ToString(), "dev", "eth0", "initcwnd", "1000"});
  const sys::UniqueFd listener = Listen(64, 8080);
  std::vector<Pairs> pairs;
  const v1::DiagnosisReport report = Diagnose(
      "4s", Every(absl::Milliseconds(500), [&] {
        pairs.push_back(Establish(1, listener, 8080));
        const int client = pairs.back().clients.front().get();
        const int server = pairs.back().servers.front().get();
        EXPECT_THAT(sys::SetOption(client, IPPROTO_TCP, TCP_NODELAY, 1), IsOk());
        EXPECT_THAT(sys::SetOption(client, SOL_SOCKET, SO_SNDBUF, 4 << 20), IsOk());
        HeldPage page = HeldPage::Create().value();
        const std::array<std::byte, 1> one{};
        sys::Send(client, one);
        std::thread reader([&] {
          EXPECT_TRUE(
              EventuallyTrue([&] { return sys::Receive(server, page.bytes().first(1)) == 1; }));
        });
        EXPECT_TRUE(EventuallyTrue([&] { return page.TakeWaiter(); }));
        for (int i = 0; i < 1'000; ++i) {
          // The kernel joins segments that wait, unless their headers differ.
          EXPECT_THAT(sys::SetOption(client, IPPROTO_IP, IP_TOS, i % 2 == 0 ? IPTOS_LOWDELAY : 0),
                      IsOk());
          sys::Send(client, one);
        }
        page.LetGo();
        reader.join();
      }));
  ExpectWarnings(report, {"web socket-backlog-drop"},
                 {"client retransmit-rate-high", "client rto-dominant", "web receive-prune"});
  EXPECT_GT(GrowthOf(FindingOf(report, "socket-backlog-drop"), "TcpExt.TCPBacklogDrop"), 0);
}

TEST_F(DiagnoseMachineTest, FindsTheTableOfTrackedConnectionsThatFills) {
  const double most = TrackConnections();
  const sys::UniqueFd listener = Listen(64, 8080);
  const Pairs pairs = Establish(200, listener, 8080);
  const v1::DiagnosisReport report = Diagnose(
      "2s", [] {},
      Thresholds(absl::StrFormat("  conntrack-near-full: {share: %.9f}\n", 150 / most)));
  ExpectWarnings(report, {"web conntrack-near-full"});
  const v1::Finding finding = FindingOf(report, "conntrack-near-full");
  EXPECT_GE(EvidenceOf(finding, "nf_conntrack_count").after(), 200);
  EXPECT_EQ(EvidenceOf(finding, "nf_conntrack_max").after(), most);
}

TEST_F(DiagnoseMachineTest, FindsTheTableOfTrackedConnectionsThatIsFull) {
  const double most = TrackConnections();
  const sys::UniqueFd listener = Listen(64, 8080);
  const Pairs pairs = Establish(200, listener, 8080);
  const v1::DiagnosisReport report = Diagnose(
      "2s", [] {},
      Thresholds(absl::StrFormat("  conntrack-table-full: {crit_share: %.9f}\n", 150 / most)));
  ExpectWarnings(report, {"web conntrack-table-full"});
  const v1::Finding finding = FindingOf(report, "conntrack-table-full");
  EXPECT_EQ(finding.severity(), "crit");
  EXPECT_GE(EvidenceOf(finding, "nf_conntrack_count").after(), 200);
  EXPECT_EQ(GrowthOf(finding, "drop"), 0);
}

TEST_F(DiagnoseMachineTest, FindsTheTableOfNeighboursThatFills) {
  const std::optional<double> most = NumberIn(kMostNeighbours);
  if (!most) GTEST_SKIP() << "needs the machine's own network namespace";
  // The kernel does not count permanent ones when it looks for something to throw away.
  Command(*web_, {"sh", "-c",
                  "for i in $(seq 100 199); do echo neigh add 198.18.0.$i lladdr 02:00:00:00:00:01 "
                  "dev eth0 nud permanent; done | ip -batch -"});
  ExpectWarnings(Diagnose("2s"), {});
  const v1::DiagnosisReport machine = DiagnoseMachine(
      "neighbour-table-pressure",
      Thresholds(absl::StrFormat("  neighbour-table-pressure: {share: %.9f}\n", 90 / *most)));
  const v1::Finding finding = FindingAbout(machine, "neighbour-table-pressure", "arp table");
  EXPECT_THAT(finding.hosts(), ElementsAre("local"));
  EXPECT_GE(EvidenceOf(finding, "entries").after(), 100);
  EXPECT_EQ(GrowthOf(finding, "table_fulls"), 0);
}

TEST_F(DiagnoseMachineTest, FindsTheMachineWhoseFilesRunOut) {
  const double most = NumberIn(kMostFiles).value();
  if (most > 1e18) GTEST_SKIP() << "this kernel has no limit of open files";
  std::vector<sys::UniqueFd> files;
  for (int i = 0; i < 500; ++i) files.push_back(sys::OpenForRead("/dev/null").value());
  const v1::DiagnosisReport report = Diagnose(
      "2s", [] {},
      Thresholds(absl::StrFormat("  system-fd-exhaustion: {warn_share: %.9f}\n", 500 / most)));
  ExpectWarnings(report, {});
  const v1::Finding finding = FindingOf(report, "system-fd-exhaustion");
  EXPECT_EQ(finding.severity(), "warn");
  EXPECT_THAT(finding.hosts(), Contains("web"));
  EXPECT_GE(EvidenceOf(finding, "open_files").after(), 500);
  EXPECT_EQ(EvidenceOf(finding, "file-max").after(), most);
}

std::vector<int> AllowedCpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  EXPECT_EQ(::sched_getaffinity(0, sizeof(allowed), &allowed), 0);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  }
  return cpus;
}

// As /sys has sets of CPUs: "4", "1,00000000".
std::string MaskOf(int cpu) {
  std::string mask = absl::StrFormat("%x", 1U << (cpu % 32));
  for (int i = 0; i < cpu / 32; ++i) mask += ",00000000";
  return mask;
}

// From another CPU than the one that they keep busy. One socket's send buffer holds some 200.
void Flood(const Host& from, int cpu, const base::Endpoint& to, size_t packets) {
  EXPECT_THAT(from.Run([&] {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    EXPECT_EQ(::sched_setaffinity(0, sizeof(only), &only), 0);
    const sys::SocketAddress address = sys::ToSocketAddress(to);
    std::vector<sys::UniqueFd> sockets;
    for (int i = 0; i < 64; ++i) {
      sockets.emplace_back(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      EXPECT_EQ(sys::Connect(sockets.back().get(), address), 0);
    }
    const std::array<std::byte, 1> one{};
    for (size_t i = 0; i < packets; ++i) sys::Send(sockets[i % sockets.size()].get(), one);
    return absl::OkStatus();
  }),
              IsOk());
}

TEST_F(DiagnoseMachineTest, FindsTheCpuThatCannotKeepUp) {
  const std::vector<int> cpus = AllowedCpus();
  if (cpus.size() < 2) GTEST_SKIP() << "needs two CPUs";
  // All that arrives goes to one CPU (RPS), which takes some 0.3 ms for each packet.
  const auto times = [](int count, const std::string& line) {
    return absl::StrJoin(std::vector<std::string>(static_cast<size_t>(count), line), "");
  };
  const std::string path = absl::StrCat(directory_->path(), "/rules");
  ASSERT_THAT(sys::WriteFile(path, absl::StrCat("table ip dear { chain slow {\n",
                                                times(1'000, "ip saddr 192.0.2.1 drop\n"),
                                                "}\n chain arriving {\n"
                                                "type filter hook prerouting priority 0\n"
                                                "meta l4proto != udp accept\n",
                                                times(150, "jump slow\n"), "drop\n}\n}\n")),
              IsOk());
  Command(*web_, {"nft", "-f", path});
  const absl::StatusOr<CommandResult> steering =
      web_->Command({"unshare", "--mount", "sh", "-c",
                     absl::StrCat("mount -t sysfs none /sys && echo ", MaskOf(cpus.back()),
                                  " > /sys/class/net/eth0/queues/rx-0/rps_cpus")});
  ASSERT_THAT(steering, IsOk());
  if (steering->exit_code != 0) {
    GTEST_SKIP() << "needs CAP_NET_ADMIN outside of user namespaces to set rps_cpus: "
                 << steering->err;
  }
  // The queue holds so many, and its CPU has as many at hand.
  const auto packets = static_cast<size_t>(3 * NumberIn(kMostQueued).value_or(1'000));
  const std::function<void()> flood = [&] {
    Flood(*client_, cpus.front(), {web_->ipv4(), 9}, packets);
  };
  const v1::DiagnosisReport report = Diagnose("4s", Every(absl::Milliseconds(900), flood));
  ExpectWarnings(report, {});
  const std::string subject = absl::StrCat("CPU ", cpus.back());
  EXPECT_GT(GrowthOf(FindingAbout(report, "softnet-budget-squeeze", subject), "time_squeeze"), 0);
  EXPECT_GT(GrowthOf(FindingAbout(report, "softnet-backlog-drop", subject), "dropped"), 0);
}

}  // namespace
}  // namespace tcpfleet::tests
