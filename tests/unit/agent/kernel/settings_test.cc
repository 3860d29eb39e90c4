#include "agent/kernel/settings.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/sys/file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using tests::IsOk;

class SettingsTree {
 public:
  void Write(const std::string& path, absl::string_view value) const {
    const std::filesystem::path file = root() + "/" + path;
    std::filesystem::create_directories(file.parent_path());
    ASSERT_THAT(sys::WriteFile(file, value), IsOk());
  }
  std::string root() const { return directory_.path(); }

 private:
  const sys::TemporaryDirectory directory_ =
      sys::TemporaryDirectory::Create("tcpfleet-test").value();
};

TEST(ReadTcpSettings, NamesKeysAsSysctlDoes) {
  const SettingsTree tree;
  tree.Write("net/ipv4/tcp_rmem", "4096\t131072\t6291456\n");
  tree.Write("net/ipv4/ip_local_reserved_ports", "\n");
  tree.Write("net/ipv4/ip_forward", "1\n");
  tree.Write("net/core/somaxconn", "4096\n");
  EXPECT_THAT(
      ReadTcpSettings(tree.root()),
      ElementsAre(Pair("net.core.somaxconn", "4096"), Pair("net.ipv4.ip_local_reserved_ports", ""),
                  Pair("net.ipv4.tcp_rmem", "4096 131072 6291456")));
}

TEST(ReadTcpSettings, KeepsTheFastOpenKeyToItself) {
  const SettingsTree tree;
  tree.Write("net/ipv4/tcp_fastopen_key", "00000000-11111111-22222222-33333333\n");
  EXPECT_THAT(ReadTcpSettings(tree.root()), IsEmpty());
}

TEST(ReadTcpSettings, IsBoundedInKeysAndBytes) {
  const SettingsTree tree;
  for (int i = 0; i < 300; ++i) tree.Write(absl::StrCat("net/ipv4/tcp_x", i), "1\n");
  EXPECT_EQ(ReadTcpSettings(tree.root()).size(), 256u);

  const SettingsTree wide;
  wide.Write("net/ipv4/tcp_long", std::string(257, '1'));
  wide.Write("net/ipv4/tcp_fits", std::string(256, '1'));
  EXPECT_THAT(ReadTcpSettings(wide.root()), ElementsAre(Pair("net.ipv4.tcp_fits", testing::_)));
}

TEST(ReadTcpSettings, ReadsThisHost) {
  const std::map<std::string, std::string> settings = ReadTcpSettings();
  for (const char* key : {"net.ipv4.tcp_rmem", "net.ipv4.ip_local_port_range", "fs.nr_open"}) {
    EXPECT_THAT(settings, Contains(Key(key)));
  }
  EXPECT_THAT(settings, Not(Contains(Key("net.ipv4.tcp_fastopen_key"))));
}

}  // namespace
}  // namespace tcpfleet::agent
