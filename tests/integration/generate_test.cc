// Generated configurations in the real haproxy and nginx, and served through.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <google/protobuf/util/json_util.h>

#include "tests/integration/fleet_fixture.h"
#include "tests/support/eventually.h"

namespace tcpfleet::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int kBackendPort = 8080;

class GenerateTest : public FleetTest {
 protected:
  std::string PathOf(const std::string& name) const {
    return absl::StrCat(directory_->path(), "/", name);
  }

  // What `tcpfleet generate ARGUMENTS` prints, in a file.
  std::string Generated(const std::string& name, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "generate");
    const CommandResult result = Controller(std::move(arguments));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_TRUE(sys::WriteFile(PathOf(name), result.out).ok());
    return PathOf(name);
  }

  // Everything nginx writes goes to the test's directory, whatever the configuration says.
  std::vector<std::string> NginxCommand(const std::string& name, const std::string& config,
                                        const std::string& directives) const {
    const std::string prefix = PathOf(name);
    const std::string mounts = absl::StrCat(
        "mkdir -p ", prefix, "/log ", prefix, "/lib && mount --bind ", prefix,
        "/log /var/log/nginx && mount --bind ", prefix, "/lib /var/lib/nginx && exec nginx -p ",
        prefix, " -e stderr -c ", config, " -g 'pid ", prefix, "/pid; ", directives, "'");
    return {"unshare", "--mount", "sh", "-c", mounts};
  }

  void StartBackend(const std::string& name) {
    const Host& host = *AddAgent(name).host;
    const std::string config = PathOf(name + ".conf");
    ASSERT_TRUE(
        sys::WriteFile(config, absl::StrCat("daemon off; master_process off;\nevents {}\nhttp { "
                                            "access_log off; keepalive_requests 1000000; server { "
                                            "listen ",
                                            kBackendPort, "; location / { return 200 ok; } } }\n"))
            .ok());
    servers_.push_back(StartProgram(host, NginxCommand(name, config, "")));
    ExpectListens(host, kBackendPort);
  }

  void ExpectListens(const Host& host, int port) {
    EXPECT_TRUE(EventuallyTrue([&] {
      return !host.Command({"ss", "-tlnH", "sport", "=", absl::StrCat(":", port)})
                  .value()
                  .out.empty();
    })) << servers_.back().err.Text();
  }

  void StartFleet() {
    for (const char* name : {"web1", "web2"}) StartBackend(name);
    AddAgent("client");
    AddAgent("proxy");
  }

  // Requests through the proxy against the connections it made for them, those that are gone and
  // still remembered included.
  void ExpectConnectionsAreReused() {
    const Host& proxy = *agent("proxy").host;
    const CommandResult load =
        Controller({"--select", "name=client", "--output", "json", "stress", "rr", "--target",
                    absl::StrCat(proxy.ipv4().ToString(), ":80"), "--http", "/", "--warmup", "0s",
                    "--duration", "1s", "--connections", "8"});
    EXPECT_EQ(load.exit_code, 0) << load.err;
    const v1::StressReport report = ParseStressReport(load.out);
    EXPECT_EQ(report.verdict(), "PASS") << report.verdict_reason();
    EXPECT_GE(report.total().succeeded(), 200u);
    EXPECT_THAT(report.total().responses_by_status(), SizeIs(1));
    EXPECT_EQ(report.total().connections_opened(), 8u) << "the proxy closes its clients";

    const CommandResult seen =
        Controller({"--output", "json", "snapshot", absl::StrCat("dport = :", kBackendPort)});
    v1::SnapshotReport snapshot;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(seen.out, &snapshot).ok()) << seen.out;
    uint64_t connections = 0;
    for (const v1::HostSummary& host : snapshot.hosts()) {
      if (host.name() == "proxy") connections = host.connections() + host.time_wait();
    }
    EXPECT_GE(connections, 1u);
    EXPECT_LE(connections * 10, report.total().succeeded());
  }

  std::vector<RunningProgram> servers_;
};

TEST_F(GenerateTest, HaproxyReusesConnectionsToTheBackEnds) {
  StartFleet();
  const std::string config =
      Generated("haproxy.cfg", {"haproxy", "--from-fleet", absl::StrCat("sport = :", kBackendPort),
                                "--listen", ":80", "--proxies", "proxy", "--check", "/"});
  const Host& proxy = *agent("proxy").host;
  const CommandResult check = proxy.Command({"haproxy", "-c", "-f", config}).value();
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err;
  EXPECT_THAT(check.err, Not(HasSubstr("WARNING")));
  servers_.push_back(StartProgram(proxy, {"haproxy", "-db", "-f", config}));
  ExpectListens(proxy, 80);
  ExpectConnectionsAreReused();
}

TEST_F(GenerateTest, NginxReusesConnectionsToTheBackEnds) {
  StartFleet();
  const std::string config =
      Generated("nginx.conf", {"nginx", "--from-fleet", absl::StrCat("sport = :", kBackendPort),
                               "--listen", ":80", "--proxies", "proxy"});
  const Host& proxy = *agent("proxy").host;
  // nginx changes its user unless it is the only one there is.
  const std::string user = "user root;";
  std::vector<std::string> check_command = NginxCommand("proxy", config, user);
  check_command.back() += " -t";
  const CommandResult check = proxy.Command(check_command).value();
  EXPECT_EQ(check.exit_code, 0) << check.out << check.err;
  EXPECT_THAT(check.err, Not(HasSubstr("[warn]")));
  servers_.push_back(StartProgram(
      proxy,
      NginxCommand("proxy", config, absl::StrCat(user, " daemon off; master_process off;"))));
  ExpectListens(proxy, 80);
  ExpectConnectionsAreReused();
}

// Every shape of address and option, without a fleet.
TEST_F(GenerateTest, IsAcceptedByTheRealPrograms) {
  const Host& host = AddHost("checks");
  const std::vector<std::vector<std::string>> wishes = {
      {"--backends", "10.0.0.1:80"},
      {"--backends", "10.0.0.[1-200]:8080", "--listen", "127.0.0.1:8080"},
      {"--backends", "[2001:db8::1]:443,10.0.0.1:80", "--listen", "[::1]:8080"},
      {"--backends", "localhost:80", "--check", "/health?full=1&x=a+b", "--backend-keepalive",
       "75s"},
  };
  for (const std::vector<std::string>& wish : wishes) {
    SCOPED_TRACE(absl::StrJoin(wish, " "));
    std::vector<std::string> arguments = {"haproxy"};
    arguments.insert(arguments.end(), wish.begin(), wish.end());
    const CommandResult haproxy =
        host.Command({"haproxy", "-c", "-f", Generated("haproxy.cfg", arguments)}).value();
    EXPECT_EQ(haproxy.exit_code, 0) << haproxy.err;
    EXPECT_THAT(haproxy.err, Not(HasSubstr("WARNING")));
    arguments[0] = "nginx";
    std::vector<std::string> command =
        NginxCommand("checks", Generated("nginx.conf", arguments), "user root;");
    command.back() += " -t";
    const CommandResult nginx = host.Command(command).value();
    EXPECT_EQ(nginx.exit_code, 0) << nginx.err;
    EXPECT_THAT(nginx.err, Not(HasSubstr("[warn]")));
  }
}

TEST_F(GenerateTest, WritesAFileThatSysctlTakes) {
  const Host& host = *AddAgent("web1").host;
  ASSERT_TRUE(host.SetSysctl("net.core.somaxconn", "128").ok());
  const std::string path = Generated("95-tcpfleet.conf", {"sysctl", "--profile", "production"});
  const absl::StatusOr<std::string> text = sys::ReadFile(path, 1 << 20);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, HasSubstr("\nnet.core.somaxconn = 4096\n"));
  // The namespace is the test's own; what is of the whole host must not be touched.
  const CommandResult applied =
      host.Command({"sh", "-c",
                    absl::StrCat("grep '^net.core.somaxconn' ", path,
                                 " | sysctl -p - && sysctl -n net.core.somaxconn")})
          .value();
  EXPECT_EQ(applied.exit_code, 0) << applied.err;
  EXPECT_THAT(applied.out, HasSubstr("\n4096\n"));
  EXPECT_THAT(sys::ReadFile(Generated("again.conf", {"sysctl", "--profile", "production"}), 1 << 20)
                  .value(),
              HasSubstr("# net.core.somaxconn: wanted >=4096"));
}

}  // namespace
}  // namespace tcpfleet::tests
