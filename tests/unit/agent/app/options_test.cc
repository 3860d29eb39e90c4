#include "agent/app/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "common/sys/file.h"

namespace tcpfleet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

AgentOptions Parsed(std::vector<std::string> arguments) {
  const absl::StatusOr<ParsedCommandLine> parsed = ParseAgentCommandLine(arguments);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed.ok() && parsed->options ? *parsed->options : AgentOptions{};
}

std::string Refusal(std::vector<std::string> arguments) {
  const absl::StatusOr<ParsedCommandLine> parsed = ParseAgentCommandLine(arguments);
  EXPECT_TRUE(absl::IsInvalidArgument(parsed.status())) << parsed.status();
  return std::string(parsed.status().message());
}

class ConfigFile {
 public:
  explicit ConfigFile(absl::string_view content) {
    EXPECT_TRUE(directory_.ok());
    EXPECT_TRUE(sys::WriteFile(path(), content).ok());
  }
  std::string path() const { return directory_->path() + "/agent.yaml"; }

 private:
  absl::StatusOr<sys::TemporaryDirectory> directory_ =
      sys::TemporaryDirectory::Create("tcpfleet-test");
};

TEST(AgentOptions, ListensOnLoopbackUnlessToldOtherwise) {
  EXPECT_THAT(Parsed({}).server.listen, ElementsAre("127.0.0.1:7117"));
  EXPECT_THAT(Parsed({"--listen", "127.0.0.1:0", "--listen=unix:/tmp/a"}).server.listen,
              ElementsAre("127.0.0.1:0", "unix:/tmp/a"));
}

TEST(AgentOptions, LimitsRememberWhereTheyWereSet) {
  const AgentOptions options =
      Parsed({"--max-connections", "5k", "--max-duration", "10m", "--allow-target", "10.0.0.0/8"});
  EXPECT_EQ(options.limits.max_connections.value, 5000u);
  EXPECT_EQ(options.limits.max_connections.source, "--max-connections");
  EXPECT_EQ(options.limits.max_duration.value, absl::Minutes(10));
  EXPECT_EQ(options.limits.allowed_targets.value.size(), 1u);
}

TEST(AgentOptions, BoundsWhatLoadTakesOfTheHost) {
  const AgentLoadLimits unlimited = Parsed({}).limits;
  EXPECT_TRUE(std::isinf(unlimited.max_new_connections_per_second.value));
  EXPECT_TRUE(std::isinf(unlimited.max_bits_per_second.value));
  EXPECT_TRUE(std::isinf(unlimited.max_cpu_cores.value));
  EXPECT_EQ(unlimited.min_available_memory_bytes.value, 0u);

  const ConfigFile file("max-new-connections: 2k\nmax-bandwidth: 500M\nmin-free-memory: 2G\n");
  const AgentLoadLimits limits = Parsed({"--config", file.path(), "--max-cpu", "1.5"}).limits;
  EXPECT_EQ(limits.max_new_connections_per_second.value, 2000);
  EXPECT_EQ(limits.max_bits_per_second.value, 500e6);
  EXPECT_EQ(limits.max_cpu_cores.value, 1.5);
  EXPECT_EQ(limits.min_available_memory_bytes.value, 2'000'000'000u);
  EXPECT_EQ(limits.max_bits_per_second.source, "--max-bandwidth");
}

TEST(AgentOptions, RefusesBadValuesByFlag) {
  for (const char* flag : {"--max-rate", "--max-new-connections", "--max-bandwidth", "--max-cpu"}) {
    EXPECT_THAT(Refusal({flag, "0"}), HasSubstr(flag));
    EXPECT_THAT(Refusal({flag, "much"}), HasSubstr(flag));
  }
  EXPECT_THAT(Refusal({"--max-cpu", "nan"}), HasSubstr("--max-cpu"));
  EXPECT_THAT(Refusal({"--min-free-memory", "some"}), HasSubstr("--min-free-memory"));
  EXPECT_THAT(Refusal({"--max-connections", "-5"}), HasSubstr("--max-connections"));
  EXPECT_THAT(Refusal({"--max-duration", "soon"}), HasSubstr("--max-duration"));
  EXPECT_THAT(Refusal({"--allow-target", "10.0.0.0/33"}), HasSubstr("--allow-target"));
}

TEST(AgentOptions, SuggestsForUnknownFlags) {
  EXPECT_THAT(Refusal({"--lisen", "127.0.0.1:0"}), HasSubstr("did you mean '--listen'?"));
}

TEST(AgentOptions, HelpAndVersionAreTextsNotRuns) {
  for (const char* flag : {"--help", "--version"}) {
    const absl::StatusOr<ParsedCommandLine> parsed = ParseAgentCommandLine({flag});
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_FALSE(parsed->options.has_value());
    EXPECT_THAT(parsed->text,
                HasSubstr(flag == std::string("--help") ? "--listen" : "tcpfleet-agent "));
  }
}

TEST(AgentOptions, ReadsTheFileAndLetsTheCommandLineWin) {
  const ConfigFile file(
      "name: web1\nlisten: [127.0.0.1:1, 127.0.0.1:2]\nmax-connections: 7\ninsecure-listen: "
      "true\n");
  const AgentOptions options = Parsed({"--config", file.path(), "--name", "web2"});
  EXPECT_EQ(options.name, "web2");
  EXPECT_THAT(options.server.listen, ElementsAre("127.0.0.1:1", "127.0.0.1:2"));
  EXPECT_EQ(options.limits.max_connections.value, 7u);
  EXPECT_TRUE(options.server.insecure_listen);
}

TEST(AgentOptions, RefusesBadFilesByLine) {
  EXPECT_THAT(Refusal({"--config", ConfigFile("name: a\nlisen: x\n").path()}),
              HasSubstr("agent.yaml:2: unknown setting 'lisen'"));
  EXPECT_THAT(Refusal({"--config", ConfigFile("name: [a\n").path()}), HasSubstr("agent.yaml:"));
  EXPECT_THAT(Refusal({"--config", ConfigFile("just text").path()}), HasSubstr("agent.yaml:1"));
  EXPECT_THAT(Refusal({"--config", ConfigFile("name: {a: b}\n").path()}),
              HasSubstr("agent.yaml:1"));
}

TEST(AgentOptions, RefusesAFileThatIsNotThere) {
  const absl::StatusOr<ParsedCommandLine> parsed =
      ParseAgentCommandLine({"--config", "/nonexistent/agent.yaml"});
  EXPECT_TRUE(absl::IsNotFound(parsed.status())) << parsed.status();
}

TEST(AgentOptions, AllowsNoChangesOfParametersByDefault) {
  const AgentOptions options = Parsed({});
  EXPECT_TRUE(options.allowed_sysctls.empty());
  EXPECT_EQ(options.state_directory, "/var/lib/tcpfleet");
  EXPECT_EQ(options.sysctl_file, "/etc/sysctl.d/95-tcpfleet.conf");
}

TEST(AgentOptions, AllowsChangesOfTheParametersThatAreNamed) {
  const AgentOptions options =
      Parsed({"--allow-sysctl", "default", "--allow-sysctl=net.ipv4.conf.eth0/100.rp_filter",
              "--state-directory", "/srv/state", "--sysctl-file", "/etc/sysctl.d/97-x.conf"});
  EXPECT_THAT(options.allowed_sysctls,
              ElementsAre("net/ipv4/tcp_*", "net/core/*", "net/ipv4/ip_local_*",
                          "net/ipv4/conf/eth0.100/rp_filter"));
  EXPECT_EQ(options.state_directory, "/srv/state");
  EXPECT_EQ(options.sysctl_file, "/etc/sysctl.d/97-x.conf");
}

TEST(AgentOptions, RefusesPlacesForChangesThatAreNone) {
  EXPECT_THAT(Refusal({"--allow-sysctl", "../etc"}), HasSubstr("--allow-sysctl: "));
  EXPECT_THAT(Refusal({"--state-directory", "state"}), HasSubstr("is not an absolute path"));
  EXPECT_THAT(Refusal({"--sysctl-file", "/etc/sysctl.conf"}),
              HasSubstr("--sysctl-file: '/etc/sysctl.conf' is read by neither"));
}

}  // namespace
}  // namespace tcpfleet::agent
