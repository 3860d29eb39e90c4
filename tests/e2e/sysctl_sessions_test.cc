// Types the transcripts of sysctl_sessions/ on a console beside three hosts whose kernel parameters
// and configuration files are not as they should be.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/sys/file.h"
#include "tests/e2e/transcript.h"
#include "tests/integration/fleet_fixture.h"

namespace tcpfleet::tests {
namespace {

namespace fs = std::filesystem;

// In the agent's own view of the file system: the host's configuration is not to be seen.
constexpr char kHideConfiguration[] =
    "mount --bind \"$0/sysctl.d\" /etc/sysctl.d && mount --bind \"$0/empty\" /usr/lib/sysctl.d && "
    "mount --bind \"$0/sysctl.conf\" /etc/sysctl.conf && exec \"$@\"";

constexpr char kProfile[] = R"(name: ours
rules:
  - key: net.core.somaxconn
    at_least: 4096
    reason: bursts at the load balancers
    original: 1024
    correction: too short for them
  - key: net.ipv4.tcp_rmem
    elements: [any, {at_least: 131072}, {at_least: 6291456}]
    ordered: true
    severity: crit
  - key: net.ipv4.tcp_keepalive_time
    range: [60, 600]
    when: {labels: {role: lb}}
  - key: net.ipv4.tcp_tw_recycle
    equals: 0
)";

class SysctlSession : public FleetTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    FleetTest::SetUp();
    if (IsSkipped()) return;
    AddHostWith("web1", "net.core.somaxconn = 4096\n", "", "2");
    AddHostWith("web2", "net.core.somaxconn = 4096\n", "net.core.somaxconn = 128\n", "2");
    AddHostWith("web3", "", "", "0");
    ASSERT_TRUE(agent("web3").host->SetSysctl("net.core.somaxconn", "1024").ok());
    ASSERT_TRUE(agent("web3").host->SetSysctl("net.ipv4.tcp_rmem", "9000 100 50").ok());
    std::string inventory = "hosts:\n";
    for (const auto& member : agents_) {
      absl::StrAppend(&inventory, "  - name: ", member->host->name(),
                      "\n    address: ", member->address, "\n    labels: {role: web}\n");
    }
    Write("fleet.yaml", inventory);
    Write("ours.yaml", kProfile);
    Write("90-ours.conf", "net.core.somaxconn = 1024\nnet.ipv4.tcp_fin_timeout = 60\n");
    fs::create_directory(Home() + "/tcpfleet");
    Write("tcpfleet/config.yaml", absl::StrCat("inventory: ", Home(), "/fleet.yaml\n"));
  }

  std::string Home() const { return directory_->path(); }

  void Write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(sys::WriteFile(absl::StrCat(Home(), "/", name), text).ok());
  }

  // Every parameter that a session shows is set here: kernels have different defaults.
  void AddHostWith(const std::string& name, const std::string& file, const std::string& last_file,
                   const std::string& bridge_filter) {
    const std::string files = absl::StrCat(Home(), "/", name);
    fs::create_directories(files + "/sysctl.d");
    fs::create_directories(files + "/empty");
    Write(name + "/sysctl.conf", last_file);
    if (!file.empty()) Write(name + "/sysctl.d/90-web.conf", file);
    Host& host = AddHost(name);
    for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
             {"net.core.somaxconn", "4096"},
             {"net.ipv4.tcp_rmem", "4096 131072 6291456"},
             {"net.ipv4.tcp_fin_timeout", "60"},
             {"net.ipv4.tcp_keepalive_time", "7200"}}) {
      ASSERT_TRUE(host.SetSysctl(key, value).ok()) << key;
    }
    ASSERT_EQ(host.Command({"ip", "link", "add", "lan", "type", "bridge"})->exit_code, 0);
    for (const char* interface : {"all", "default", "lo", "eth0"}) {
      ASSERT_TRUE(
          host.SetSysctl(absl::StrCat("net.ipv4.conf.", interface, ".rp_filter"), "2").ok());
    }
    ASSERT_TRUE(host.SetSysctl("net.ipv4.conf.lan.rp_filter", bridge_filter).ok());
    RunningProgram program =
        StartAgent(host, {}, {"unshare", "--mount", "sh", "-c", kHideConfiguration, files});
    agents_.push_back(std::make_unique<TestAgent>(
        TestAgent{&host, std::move(program), absl::StrCat(host.ipv4().ToString(), ":7117")}));
  }

  std::string Type(const std::string& command) const {
    const std::string programs = fs::path(TCPFLEET_PROGRAM).parent_path().string();
    const std::vector<std::string> words = {"env",
                                            "HOME=" + Home(),
                                            "XDG_CONFIG_HOME=" + Home(),
                                            "XDG_CACHE_HOME=" + Home() + "/cache",
                                            "PATH=" + programs + ":/usr/sbin:/usr/bin:/sbin:/bin",
                                            "COLUMNS=100",
                                            "sh",
                                            "-c",
                                            absl::StrCat("cd ", Home(), " && ", command)};
    return Shown(console_->Command(words), Home());
  }
};

TEST_P(SysctlSession, ReadsAsWritten) {
  ExpectSession(absl::StrCat(TCPFLEET_SYSCTL_SESSIONS, "/", GetParam(), ".txt"),
                [this](const std::string& command) { return Type(command); });
}

INSTANTIATE_TEST_SUITE_P(E2e, SysctlSession,
                         ::testing::ValuesIn(SessionNames(TCPFLEET_SYSCTL_SESSIONS)),
                         [](const auto& name) {
                           return absl::StrReplaceAll(name.param, {{"-", "_"}});
                         });

}  // namespace
}  // namespace tcpfleet::tests
