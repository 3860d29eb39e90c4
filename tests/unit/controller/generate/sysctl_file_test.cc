#include "controller/generate/sysctl_file.h"

#include <gmock/gmock.h>

#include <deque>

#include "tests/support/golden.h"
#include "tests/unit/controller/audit/answers.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::ExpectGolden;
using ::testing::HasSubstr;
using ::testing::Not;

class SysctlFileTest : public testing::Test {
 protected:
  void AddHost(const std::string& name, std::vector<v1::Sysctl> sysctls) {
    readings_.push_back(Reading(std::move(sysctls)));
    hosts_.push_back({name,
                      {.kernel = "6.1.0", .memory_bytes = 16'000'000'000, .labels = {}},
                      &readings_.back()});
  }
  std::string FileOf(const std::string& yaml) {
    const auto profile = ParseProfile("p.yaml", "name: p\nrules:\n" + yaml);
    EXPECT_TRUE(profile.ok()) << profile.status();
    return SysctlFile(*profile, hosts_);
  }

  std::deque<SysctlReading> readings_;
  std::vector<AuditedHost> hosts_;
};

constexpr char kSomaxconn[] = "net/core/somaxconn";

TEST_F(SysctlFileTest, SetsWhatIsWrong) {
  AddHost("web1", {Sysctl(kSomaxconn, "128")});
  AddHost("web2", {Sysctl(kSomaxconn, "1024")});
  EXPECT_THAT(FileOf("  - {key: net.core.somaxconn, at_least: 4096, reason: accept queues}\n"),
              HasSubstr("# net.core.somaxconn: wanted >=4096: accept queues\n"
                        "# now 1024 on web2; 128 on web1\n"
                        "net.core.somaxconn = 4096\n"));
}

TEST_F(SysctlFileTest, LowersNobody) {
  AddHost("web1", {Sysctl(kSomaxconn, "128")});
  AddHost("web2", {Sysctl(kSomaxconn, "65535")});
  for (const std::string wanted : {"at_least: 4096", "equals: 4096"}) {
    const std::string file = FileOf("  - {key: net.core.somaxconn, " + wanted + "}\n");
    EXPECT_THAT(file, HasSubstr("# not set: 4096 would lower web2\n"));
    EXPECT_THAT(file, Not(HasSubstr("\nnet.core.somaxconn = ")));
  }
}

TEST_F(SysctlFileTest, LowersTimesThatAreTooLong) {
  AddHost("web1", {Sysctl("net/ipv4/tcp_keepalive_time", "7200")});
  EXPECT_THAT(FileOf("  - {key: net.ipv4.tcp_keepalive_time, range: [1, 600]}\n"),
              HasSubstr("\nnet.ipv4.tcp_keepalive_time = 600\n"));
  EXPECT_THAT(FileOf("  - {key: net.ipv4.tcp_keepalive_time, equals: 300}\n"),
              HasSubstr("\nnet.ipv4.tcp_keepalive_time = 300\n"));
}

TEST_F(SysctlFileTest, KeepsElementsThatAreRight) {
  AddHost("web1", {Sysctl("net/ipv4/tcp_rmem", "4096 131072 4194304")});
  EXPECT_THAT(FileOf("  - key: net.ipv4.tcp_rmem\n"
                     "    elements: [{at_least: 1024}, any, {at_least: 6291456}]\n"),
              HasSubstr("\nnet.ipv4.tcp_rmem = 4096 131072 6291456\n"));
}

TEST_F(SysctlFileTest, SaysWhyNothingIsSet) {
  AddHost("web1", {Sysctl(kSomaxconn, "4096")});
  EXPECT_THAT(FileOf("  - {key: net.core.somaxconn, at_least: 4096}\n"),
              HasSubstr("# not set: right as it is\n"));
  EXPECT_THAT(FileOf("  - {key: net.ipv4.tcp_tw_recycle, absent: true}\n"),
              HasSubstr("# not set: no file can remove it\n"));
  EXPECT_THAT(FileOf("  - {key: net.ipv4.tcp_none, equals: 1}\n"),
              HasSubstr("# not set: none of the hosts it is for has it\n"));
}

TEST_F(SysctlFileTest, NamesHostsItIsNotFor) {
  AddHost("web1", {Sysctl(kSomaxconn, "128")});
  AddHost("lb1", {Sysctl(kSomaxconn, "128")});
  hosts_[1].facts.labels = {{"role", "lb"}};
  EXPECT_THAT(FileOf("  - key: net.core.somaxconn\n    at_least: 16384\n"
                     "    when: {labels: {role: lb}}\n"),
              HasSubstr("# not for web1: leave it out there\nnet.core.somaxconn = 16384\n"));
}

TEST_F(SysctlFileTest, WritesEveryKeyOfAPattern) {
  AddHost("web1", {Sysctl("net/ipv4/conf/all/rp_filter", "0"),
                   Sysctl("net/ipv4/conf/eth0.100/rp_filter", "0")});
  const std::string file = FileOf("  - {key: net.ipv4.conf.*.rp_filter, equals: 1}\n");
  EXPECT_THAT(file, HasSubstr("\nnet.ipv4.conf.all.rp_filter = 1\n"));
  EXPECT_THAT(file, HasSubstr("\nnet.ipv4.conf.eth0/100.rp_filter = 1\n"));
}

TEST_F(SysctlFileTest, WritesABuiltInProfile) {
  AddHost("web1", {Sysctl(kSomaxconn, "128"), Sysctl("net/ipv4/tcp_keepalive_time", "7200"),
                   Sysctl("net/ipv4/tcp_rmem", "4096 131072 33554432"),
                   Sysctl("net/ipv4/tcp_syncookies", "1")});
  ExpectGolden("sysctl.conf", SysctlFile(*LoadProfile("production"), hosts_));
}

}  // namespace
}  // namespace tcpfleet::controller
