#include "agent/sysctl/sysctl_reader.h"

#include <absl/strings/match.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "common/sys/file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::SizeIs;

class SysctlReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Write("/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t33554432\n");
    Write("/proc/sys/net/ipv4/tcp_fin_timeout", "60\n");
    Write("/proc/sys/net/ipv4/tcp_fastopen_key", "secret\n");
    Write("/proc/sys/net/ipv4/conf/eth0.100/rp_filter", "1\n");
    Write("/proc/sys/fs/file-max", "100\n");
  }
  void Write(const std::string& path, const std::string& text) {
    const fs::path file = directory_.path() + path;
    fs::create_directories(file.parent_path());
    ASSERT_TRUE(sys::WriteFile(file, text).ok());
  }

  absl::StatusOr<std::vector<v1::ReadSysctlsResponse>> Read(const v1::ReadSysctlsRequest& request) {
    std::vector<v1::ReadSysctlsResponse> parts;
    const absl::Status status =
        reader_.Read(request, [&](v1::ReadSysctlsResponse part) { parts.push_back(part); });
    if (!status.ok()) return status;
    return parts;
  }
  static std::vector<std::string> KeysOf(const v1::ReadSysctlsResponse& part) {
    std::vector<std::string> keys;
    for (const v1::Sysctl& sysctl : part.sysctls()) keys.push_back(sysctl.key());
    return keys;
  }

  sys::TemporaryDirectory directory_ = *sys::TemporaryDirectory::Create("tcpfleet-test");
  SysctlReader reader_{directory_.path()};
};

TEST_F(SysctlReaderTest, ReadsTheNetTreeAndAFewMore) {
  const auto parts = Read({});
  ASSERT_TRUE(parts.ok());
  ASSERT_THAT(*parts, SizeIs(1));
  EXPECT_THAT(KeysOf(parts->front()), ElementsAre("fs/file-max", "net/ipv4/conf/eth0.100/rp_filter",
                                                  "net/ipv4/tcp_fastopen_key",
                                                  "net/ipv4/tcp_fin_timeout", "net/ipv4/tcp_rmem"));
  EXPECT_EQ(parts->front().sysctls(4).value(), "4096\t131072\t33554432");
  EXPECT_TRUE(parts->front().sysctls(4).writable());
  EXPECT_EQ(parts->front().sysctls(0).scope(), v1::Sysctl::SCOPE_HOST);
  EXPECT_FALSE(parts->front().sysctls(4).has_at_boot());
}

TEST_F(SysctlReaderTest, NeverReadsSecrets) {
  v1::ReadSysctlsRequest request;
  request.add_patterns("net.ipv4.tcp_fastopen_key");
  const auto parts = Read(request);
  ASSERT_TRUE(parts.ok());
  const v1::Sysctl& sysctl = parts->front().sysctls(0);
  EXPECT_FALSE(sysctl.has_value());
  EXPECT_TRUE(absl::StrContains(sysctl.unreadable(), "secret"));
}

TEST_F(SysctlReaderTest, TakesKeysDirectoriesAndPatterns) {
  v1::ReadSysctlsRequest request;
  request.add_patterns("net.ipv4.tcp_*mem");
  request.add_patterns("net/ipv4/conf");
  request.add_patterns("net.ipv4.nosuch");
  request.add_patterns("net.ipv6.*");
  const auto parts = Read(request);
  ASSERT_TRUE(parts.ok());
  EXPECT_THAT(KeysOf(parts->front()),
              ElementsAre("net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/tcp_rmem"));
  EXPECT_THAT(parts->front().unmatched(), ElementsAre("net/ipv4/nosuch", "net/ipv6/*"));
}

TEST_F(SysctlReaderTest, RefusesWhatIsNoKey) {
  for (const char* pattern : {"../../etc/passwd", "net..ipv4", ""}) {
    v1::ReadSysctlsRequest request;
    request.add_patterns(pattern);
    EXPECT_THAT(Read(request), tests::StatusIs(absl::StatusCode::kInvalidArgument)) << pattern;
  }
  v1::ReadSysctlsRequest many;
  for (size_t i = 0; i <= SysctlReader::kMostPatterns; ++i) many.add_patterns("net");
  EXPECT_THAT(Read(many), tests::StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(SysctlReaderTest, SaysWhichLinesSetAKey) {
  Write("/etc/sysctl.d/99-a.conf", "net.ipv4.tcp_fin_timeout=11\nnonsense\n");
  Write("/etc/sysctl.conf", "net.ipv4.tcp_fin_timeout=13\n");
  v1::ReadSysctlsRequest request;
  request.add_patterns("net.ipv4.tcp_fin_timeout");
  request.set_persisted(true);
  const auto parts = Read(request);
  ASSERT_TRUE(parts.ok());
  const v1::Sysctl& sysctl = parts->front().sysctls(0);
  EXPECT_EQ(sysctl.at_boot().winner().file(), "/etc/sysctl.d/99-a.conf");
  EXPECT_EQ(sysctl.by_procps().winner().file(), "/etc/sysctl.conf");
  EXPECT_EQ(sysctl.by_procps().losers_size(), 1);
  ASSERT_EQ(parts->front().problems_size(), 1);
  EXPECT_EQ(parts->front().problems(0).line(), 2u);
}

TEST_F(SysctlReaderTest, SendsNothingTwice) {
  const std::string hash = Read({})->front().content_hash();
  v1::ReadSysctlsRequest again;
  again.set_known_hash(hash);
  const auto unchanged = Read(again);
  ASSERT_TRUE(unchanged.ok());
  EXPECT_TRUE(unchanged->front().unchanged());
  EXPECT_EQ(unchanged->front().sysctls_size(), 0);
  EXPECT_LE(unchanged->front().ByteSizeLong(), 100u);

  Write("/proc/sys/net/ipv4/tcp_fin_timeout", "61\n");
  const auto changed = Read(again);
  ASSERT_TRUE(changed.ok());
  EXPECT_FALSE(changed->front().unchanged());
  EXPECT_NE(changed->front().content_hash(), hash);
}

TEST_F(SysctlReaderTest, SendsManyInParts) {
  constexpr int kInterfaces = SysctlReader::kKeysPerMessage;
  for (int i = 0; i < kInterfaces; ++i) {
    Write("/proc/sys/net/ipv4/conf/veth" + std::to_string(i) + "/rp_filter", "1\n");
  }
  const auto parts = Read({});
  ASSERT_TRUE(parts.ok());
  ASSERT_THAT(*parts, SizeIs(2));
  EXPECT_EQ(parts->at(0).sysctls_size(), SysctlReader::kKeysPerMessage);
  EXPECT_EQ(parts->at(1).sysctls_size(), 5);
}

TEST(SysctlReader, ReadsThisHost) {
  SysctlReader reader("/");
  size_t keys = 0;
  ASSERT_TRUE(reader
                  .Read({},
                        [&](const v1::ReadSysctlsResponse& part) {
                          keys += static_cast<size_t>(part.sysctls_size());
                        })
                  .ok());
  EXPECT_THAT(keys, Gt(100u));
}

}  // namespace
}  // namespace tcpfleet::agent
