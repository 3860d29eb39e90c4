// The model of configuration files against the programs that apply them, on random file trees, in a
// mount and network namespace of this test alone.
#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "common/sys/file.h"
#include "common/sysctl/persisted.h"
#include "tests/support/run_command.h"

namespace tcpfleet::tests {
namespace {

namespace fs = std::filesystem;

constexpr char kSystemdSysctl[] = "/lib/systemd/systemd-sysctl";
constexpr int kDefaultValue = 7;
// Integers without bounds, one per network namespace.
const std::array<std::string, 5> kKeys = {
    "net/ipv4/conf/all/medium_id", "net/ipv4/conf/default/medium_id", "net/ipv4/conf/lo/medium_id",
    "net/ipv4/tcp_keepalive_time", "net/ipv4/tcp_keepalive_intvl"};

std::string ReadKey(const std::string& key) {
  return std::string(
      absl::StripAsciiWhitespace(sys::ReadFile("/proc/sys/" + key).value_or("unreadable")));
}

absl::Status ResetKeys() {
  for (const std::string& key : kKeys) {
    const absl::Status written = sys::WriteFile("/proc/sys/" + key, absl::StrCat(kDefaultValue));
    if (!written.ok()) return written;
  }
  return absl::OkStatus();
}

// Enters namespaces in which nothing of the host's configuration can be seen or changed.
bool EnterPrivateNamespaces() {
  if (::unshare(CLONE_NEWNS | CLONE_NEWNET) != 0) return false;
  const auto hide = [](const char* directory) {
    return ::mount("tmpfs", directory, "tmpfs", 0, nullptr) == 0;
  };
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  if (!hide("/run") || !hide("/etc/sysctl.d") || !hide("/usr/lib/sysctl.d") ||
      !hide("/usr/local/lib")) {
    return false;
  }
  fs::create_directory("/run/sysctl.d");
  fs::create_directory("/usr/local/lib/sysctl.d");
  std::ofstream("/run/sysctl.conf").close();
  return ::mount("/run/sysctl.conf", sysctl::kLastFile, nullptr, MS_BIND, nullptr) == 0 &&
         ResetKeys().ok();
}

class TreeMaker {
 public:
  explicit TreeMaker(uint64_t seed) : random_(seed) {}

  // Writes a random tree and returns it as the model takes it.
  std::vector<sysctl::ConfigFile> Make() {
    std::vector<sysctl::ConfigFile> files;
    const int count = static_cast<int>(Below(7));
    for (int i = 0; i < count; ++i) {
      static constexpr std::array kNames = {"10-a.conf", "20-b.conf",  "9-c.conf",     "50-d.conf",
                                            "99-z.conf", "x.conf.bak", ".hidden.conf", "Z.conf"};
      const std::string path =
          absl::StrCat(sysctl::kDirectories[Below(4)], "/", kNames[Below(kNames.size())]);
      if (fs::symlink_status(path).type() != fs::file_type::not_found) continue;
      files.push_back(MakeFile(path));
    }
    files.push_back({.path = sysctl::kLastFile, .text = Below(2) == 0 ? "" : Text()});
    std::ofstream(sysctl::kLastFile, std::ios::binary) << files.back().text;
    if (Below(4) == 0) {
      fs::create_symlink("../sysctl.conf", "/etc/sysctl.d/99-sysctl.conf");
      files.push_back({.path = "/etc/sysctl.d/99-sysctl.conf", .text = files.back().text});
    }
    return files;
  }

  static void Clear() {
    for (const char* directory : sysctl::kDirectories) {
      if (!fs::exists(directory)) continue;
      for (const auto& entry : fs::directory_iterator(directory)) fs::remove_all(entry.path());
    }
  }

 private:
  size_t Below(size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }

  sysctl::ConfigFile MakeFile(const std::string& path) {
    switch (Below(12)) {
      case 0:
        fs::create_symlink("/dev/null", path);
        return {.path = path, .text = ""};
      case 1:
        fs::create_symlink("/nowhere", path);
        return {.path = path, .text = ""};
      case 2:
        fs::create_directory(path);
        return {.path = path, .text = "", .is_directory = true};
      default:
        break;
    }
    sysctl::ConfigFile file{.path = path, .text = Text()};
    std::ofstream(path, std::ios::binary) << file.text;
    return file;
  }

  std::string Text() {
    std::string text;
    for (size_t lines = Below(6); lines > 0; --lines) absl::StrAppend(&text, Line(), LineEnd());
    return text;
  }

  std::string LineEnd() {
    static const std::array<std::string, 6> kEnds = {"\n", "\n", "\n", "\r\n", "\n\n", " \t\n"};
    return kEnds[Below(kEnds.size())];
  }

  std::string Name() {
    std::string name = kKeys[Below(kKeys.size())];
    switch (Below(6)) {
      case 0:
        return name;  // with slashes
      case 1:
        name = "net/ipv4/conf/*/medium_id";
        break;
      case 2:
        name = Below(2) == 0 ? "net/ipv4/tcp_keepalive_*" : "net/ipv4/conf/[al]*/medium_id";
        break;
      case 3:
        name = Below(2) == 0 ? "net/*/tcp_keepalive_???e" : "net/ipv4/*";
        break;
      default:
        break;
    }
    for (char& byte : name) byte = byte == '/' ? '.' : byte;
    return name;
  }

  std::string Value() {
    // Now and then one that was there before.
    if (next_value_ > 101 && Below(4) == 0) return absl::StrCat(next_value_ - 1 - Below(2));
    return absl::StrCat(next_value_++);
  }

  std::string Line() {
    switch (Below(16)) {
      case 0:
        return "-" + Name();
      case 1:
        return absl::StrCat("-", Name(), " = ", Value());
      case 2:
        return absl::StrCat("- ", Name(), "=", Value());
      case 3:
        return absl::StrCat(Below(2) == 0 ? "#" : " ;", Name(), "=", Value());
      case 4:
        return Name() + " =";
      case 5:
        return absl::StrCat(Name(), " ", Value());
      case 6:
        return absl::StrCat("net//ipv4/tcp_keepalive_time = ", Value());
      case 7:
        return absl::StrCat("net.ipv4.nosuch = ", Value());
      case 8:  // for procps one comment
        return absl::StrCat("# one\r", Name(), "=", Value());
      default:
        return absl::StrCat(Below(3) == 0 ? "\t " : "", Name(), Below(2) == 0 ? " = " : "=",
                            Value());
    }
  }

  std::mt19937_64 random_;
  int next_value_ = 100;
};

std::string Describe(const std::vector<sysctl::ConfigFile>& files) {
  std::string text;
  for (const sysctl::ConfigFile& file : files) {
    absl::StrAppend(&text, "== ", file.path, file.is_directory ? " (directory)" : "", "\n",
                    file.text, "\n");
  }
  return text;
}

size_t CountDisagreements(sysctl::Applier applier, const std::vector<std::string>& command,
                          const std::vector<sysctl::ConfigFile>& files) {
  EXPECT_TRUE(ResetKeys().ok());
  EXPECT_TRUE(RunCommand(command).ok());
  const sysctl::Persisted model(applier, files);
  size_t disagreements = 0;
  for (const std::string& key : kKeys) {
    const sysctl::PersistedValue value = model.ValueOf(key);
    const std::string expected = value.winner ? value.winner->value : absl::StrCat(kDefaultValue);
    const std::string actual = ReadKey(key);
    if (actual == expected) continue;
    ++disagreements;
    ADD_FAILURE() << command.front() << " makes " << key << " " << actual << ", the model says "
                  << expected << "\n"
                  << Describe(files);
  }
  return disagreements;
}

// More with TCPFLEET_SLOW_TESTS=1.
TEST(SysctlPersisted, AgreesWithTheRealProgramsOnRandomTrees) {
  if (!fs::exists(kSystemdSysctl) || !fs::exists(sysctl::kLastFile)) {
    GTEST_SKIP() << "needs " << kSystemdSysctl << " and " << sysctl::kLastFile;
  }
  if (!EnterPrivateNamespaces()) GTEST_SKIP() << "needs the right to make mount namespaces";
  const int trees = std::getenv("TCPFLEET_SLOW_TESTS") != nullptr ? 2000 : 300;
  size_t disagreements = 0;
  for (int tree = 0; tree < trees && disagreements < 3; ++tree) {
    SCOPED_TRACE(absl::StrCat("tree ", tree));
    TreeMaker::Clear();
    const std::vector<sysctl::ConfigFile> files = TreeMaker(static_cast<uint64_t>(tree)).Make();
    disagreements +=
        CountDisagreements(sysctl::Applier::kProcps, {"sysctl", "--system", "--quiet"}, files);
    disagreements += CountDisagreements(sysctl::Applier::kSystemd, {kSystemdSysctl}, files);
  }
  TreeMaker::Clear();
  EXPECT_EQ(disagreements, 0u);
}

}  // namespace
}  // namespace tcpfleet::tests
