#include "agent/sysctl/config_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/sys/file.h"

namespace tcpfleet::agent {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ConfigFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* directory : {"/etc/sysctl.d", "/usr/lib/sysctl.d"}) {
      fs::create_directories(root() + directory);
    }
  }
  const std::string& root() const { return directory_.path(); }
  void Write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(sys::WriteFile(root() + path, text).ok());
  }

  sys::TemporaryDirectory directory_ = *sys::TemporaryDirectory::Create("tcpfleet-test");
};

TEST_F(ConfigFilesTest, AreThoseThatEitherProgramMayRead) {
  Write("/etc/sysctl.d/10-a.conf", "a");
  Write("/etc/sysctl.d/.b.conf", "b");
  Write("/etc/sysctl.d/c.conf.bak", "c");
  Write("/usr/lib/sysctl.d/20-d.conf", "d");
  Write("/etc/sysctl.conf", "e");
  const ConfigFiles config = ReadConfigFiles(root());
  EXPECT_THAT(config.problems, IsEmpty());
  EXPECT_THAT(config.files,
              ElementsAre(Field(&sysctl::ConfigFile::path, "/etc/sysctl.d/.b.conf"),
                          Field(&sysctl::ConfigFile::path, "/etc/sysctl.d/10-a.conf"),
                          Field(&sysctl::ConfigFile::path, "/usr/lib/sysctl.d/20-d.conf"),
                          Field(&sysctl::ConfigFile::path, "/etc/sysctl.conf")));
  EXPECT_EQ(config.files.back().text, "e");
}

TEST_F(ConfigFilesTest, ThatHideOthersAreThereAndEmpty) {
  fs::create_symlink("/dev/null", root() + "/etc/sysctl.d/a.conf");
  fs::create_symlink("/nowhere", root() + "/etc/sysctl.d/b.conf");
  fs::create_directory(root() + "/etc/sysctl.d/c.conf");
  const ConfigFiles config = ReadConfigFiles(root());
  ASSERT_THAT(config.files, SizeIs(3));
  for (const sysctl::ConfigFile& file : config.files) EXPECT_EQ(file.text, "") << file.path;
  EXPECT_TRUE(config.files[2].is_directory);
  EXPECT_FALSE(config.files[0].is_directory);
}

TEST_F(ConfigFilesTest, AreReadOnceWhereTwoDirectoriesAreOne) {
  fs::create_directories(root() + "/lib");
  fs::create_directory_symlink("../usr/lib/sysctl.d", root() + "/lib/sysctl.d");
  Write("/usr/lib/sysctl.d/a.conf", "a");
  EXPECT_THAT(ReadConfigFiles(root()).files, SizeIs(1));
}

TEST_F(ConfigFilesTest, ThatAreTooLargeAreSaidToBe) {
  Write("/etc/sysctl.d/a.conf", std::string(kMostConfigBytes + 1, '#'));
  const ConfigFiles config = ReadConfigFiles(root());
  ASSERT_THAT(config.problems, SizeIs(1));
  EXPECT_EQ(config.problems[0].file, "/etc/sysctl.d/a.conf");
}

}  // namespace
}  // namespace tcpfleet::agent
