// Files of wanted values as nobody should write them: one line with the place for each.
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sys/file.h"
#include "common/sysctl/key.h"
#include "controller/audit/profile.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Row {
  std::string text;
  std::string where;
  std::string what;
};

std::string Repeated(absl::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) absl::StrAppend(&all, text);
  return all;
}

// The status of a bad file: no second line, no NUL or control character in it.
auto IsOneLine(const Row& row) {
  return tests::StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(StartsWith(row.where), HasSubstr(row.what), Not(HasSubstr("\n"))));
}

const std::string& LongLine() {
  static const auto& line = *new std::string(1'000'000, 'a');
  return line;
}

std::string Utf16(const std::string& text) {
  std::string wide = "\xff\xfe";
  for (const char c : text) {
    wide += c;
    wide += '\0';
  }
  return wide;
}

std::vector<Row> SysctlFileRows() {
  const std::string nul("net.core.somaxconn = 1\0002\n", 25);
  return {
      {"../../etc/passwd = 1\n", "f.conf:1: ", "passwd"},
      {"a = 1\n../x = 1\n", "f.conf:2: ", ""},
      {"net.ipv4..tcp_sack = 1\n", "f.conf:1: ", ""},
      {"net//ipv4/tcp_sack = 1\n", "f.conf:1: ", ""},
      {"= 1\n", "f.conf:1: ", ""},
      {"net.core.somaxconn 1\n", "f.conf:1: ", "neither an assignment"},
      {"net.core.somaxconn\n", "f.conf:1: ", "neither an assignment"},
      {"net.core.somaxconn =\n", "f.conf:1: ", "empty"},
      {"\n\nnet.core.somaxconn = 1 # many\n", "f.conf:3: ", "comment"},
      {"net.core.somaxconn = 0200\n", "f.conf:1: ", "octal"},
      {"net.ipv4.tcp_rmem = 4096 010 6291456\n", "f.conf:1: ", "octal"},
      {"net.core.somaxconn = 18446744073709551616\n", "f.conf:1: ", "64 bits"},
      {"net.core.somaxconn = 99999999999999999999999999\n", "f.conf:1: ", "64 bits"},
      {"net.core.somaxconn = -1\n", "f.conf:1: ", "negative"},
      {"net.ipv4.tcp_rmem = -1 -1 -1\n", "f.conf:1: ", "negative"},
      {"net.ipv4.tcp_rmem = 4096 87380\n", "f.conf:1: ", "3 numbers"},
      {"net.ipv4.tcp_rmem = 1 2 3 4\n", "f.conf:1: ", "3 numbers"},
      {"net.ipv4.tcp_wmem = many\n", "f.conf:1: ", "3 numbers"},
      {"net.ipv4.tcp_rmem = 6291456 87380 4096\n", "f.conf:1: ", "ascend"},
      {"net.ipv4.ip_local_port_range = 65535 1024\n", "f.conf:1: ", "ascend"},
      {"net.ipv4.ip_local_port_range = 1024\n", "f.conf:1: ", "2 numbers"},
      {"net.core.somaxconn = 1\nnet/core/somaxconn = 2\n", "f.conf:2: ", "in line 1"},
      {nul, "f.conf:1: ", "NUL"},
      {std::string("net.core.somaxconn = 1\n\0", 24), "f.conf:2: ", "NUL"},
      {"\xef\xbb\xbfnet.core.somaxconn = 1\n", "f.conf:1: ", "byte order mark"},
      {Utf16("net.core.somaxconn = 1\n"), "f.conf:1: ", "UTF-16"},
      {"\xfe\xffx", "f.conf:1: ", "UTF-16"},
      {"# \xe9t\xe9\n", "f.conf:1: ", "UTF-8"},
      {"net.core.somaxconn = 1\x1b[2J\n", "f.conf:1: ", "control character"},
      {"net.core.\rsomaxconn = 1\n", "f.conf:1: ", "control character"},
      {"x = 1\n" + LongLine(), "f.conf:2: ", "a line of 1000000 bytes"},
      {Repeated("x = 1\n", 200'000), "f.conf:1: ", "at most 1048576"},
      {Repeated("# c\n", 20'000) + "=\n", "f.conf:20001: ", ""},
      {"net.ipv4." + Repeated("*a", 60) + " = 1\n", "f.conf:1: ", "wildcards"},
      {"net/" + Repeated("?", 200) + " = 1\n", "f.conf:1: ", "wildcards"},
      {"net." + std::string(300, 'k') + " = 1\n", "f.conf:1: ", ""},
  };
}

// Rules, each the second line of a profile.
std::vector<Row> RuleRows() {
  const auto rule = [](const std::string& text, const std::string& what) {
    return Row{absl::StrCat("rules:\n  - ", text, "\n"), "p.yaml:2: ", what};
  };
  const std::string key = "key: net.core.somaxconn";
  return {
      rule("{at_least: 1}", "a key is empty"),
      rule("{key: ../../etc/passwd, equals: 1}", ""),
      rule("{key: net.ipv4..x, equals: 1}", ""),
      rule("{key: 'net.\\x00', eqals: 1}", "did you mean 'equals'"),
      rule("{key: \"net.\\x00\", equals: 1}", ""),
      rule("{key: \"net.\\e[2J\", equals: 1}", ""),
      rule("{" + key + "}", "exactly one of"),
      rule("{" + key + ", equals: 1, at_least: 2}", "exactly one of"),
      rule("{" + key + ", at_leest: 1}", "did you mean"),
      rule("{" + key + ", key: net.core.rmem_max, equals: 1}", "comes twice"),
      rule("{" + key + ", include: other.yaml}", "unknown key 'include'"),
      rule("{" + key + ", at_least: many}", "decimal number"),
      rule("{" + key + ", at_least: 0200}", "decimal number"),
      rule("{" + key + ", at_least: 0x80}", "decimal number"),
      rule("{" + key + ", at_least: 18446744073709551616}", "decimal number"),
      rule("{" + key + ", at_least: .nan}", "decimal number"),
      rule("{" + key + ", at_least: 1.5}", "decimal number"),
      rule("{" + key + ", at_least: ~}", "decimal number"),
      rule("{" + key + ", range: [2, 1]}", "above the upper"),
      rule("{" + key + ", range: [1]}", "two numbers"),
      rule("{" + key + ", equals: ''}", "empty"),
      rule("{" + key + ", equals: [1]}", "text or a number"),
      rule("{" + key + ", equals: 0200}", "octal"),
      rule("{" + key + ", equals: 0x80}", "hexadecimal"),
      rule("{" + key + ", equals: -1}", "negative"),
      rule("{" + key + ", equals: 18446744073709551616}", "64 bits"),
      rule("{" + key + ", one_of: [1, 0200]}", "octal"),
      rule("{key: net.ipv4.tcp_rmem, equals: 1 2}", "3 numbers"),
      rule("{key: net.ipv4.tcp_rmem, equals: 3 2 1}", "ascend"),
      rule("{" + key + ", at_least: 1, never_lower: true}", "goes with `equals`"),
      rule("{" + key + ", equals: bbr, never_lower: true}", "needs numbers"),
      rule("{" + key + ", equals: 1, ordered: perhaps}", "true or false"),
      rule("{" + key + ", equals: 1, severity: bad}", "no severity"),
      rule("{" + key + ", equals: 1, original: 2}", "`correction`"),
      rule("{" + key + ", equals: 1, reason: [a]}", "must be a text"),
      rule("{" + key + ", equals: 1, when: {since: new}}", "no kernel version"),
      rule("{" + key + ", equals: 1, when: {min_ram: big}}", ""),
      rule("{" + key + ", equals: 1, when: {module: nfs}}", "nf_conntrack"),
      rule("{" + key + ", equals: 1, when: {labels: [a]}}", "mapping"),
      rule("{" + key + ", equals: 1, when: [a]}", "mapping"),
      rule("{" + key + ", elements: []}", "must be a list"),
      rule("{" + key + ", elements: [1]}", "`any` or a mapping"),
      rule("{" + key + ", one_of: 1}", "must be a list"),
      rule("{" + key + ", one_of: [" + Repeated("1, ", 100) + "1]}", "at most 64"),
      rule("{" + key + ", absent: false}", "must be true"),
      rule("{key: net." + Repeated("*a", 60) + ", equals: 1}", "wildcards"),
      rule("text", "a rule is a mapping"),
  };
}

std::vector<Row> ProfileRows() {
  const std::string wanted = ", equals: 1}\n";
  return {
      {"", "p.yaml", "mapping"},
      {"[]", "p.yaml:1: ", "mapping"},
      {"name: x", "p.yaml:1: ", "`rules`"},
      {"rules: []", "p.yaml:1: ", "`rules`"},
      {"rules: 1", "p.yaml:1: ", "`rules`"},
      {"rules: [", "p.yaml:", ""},
      {"rules: {a: 1", "p.yaml:", ""},
      {"include: p.yaml\nrules: []", "p.yaml:1: ", "unknown key 'include'"},
      {"rules:\n  - {key: a.b" + wanted + "rules: []", "p.yaml:3: ", "comes twice"},
      {"rules:\n  - {key: a.b" + wanted + "  - {key: a/b" + wanted, "p.yaml:3: ", "in line 2"},
      {"rules: *nothing", "p.yaml:1: ", ""},
      {"rules:\n\t- {key: a.b" + wanted, "p.yaml:", ""},
      {Utf16("rules: []"), "p.yaml:1: ", "UTF-16"},
      {"\xef\xbb\xbfrules: []", "p.yaml:1: ", "byte order mark"},
      {std::string("rules: \0[]", 10), "p.yaml:1: ", "NUL"},
      {"name: \xe9\nrules: []", "p.yaml:1: ", "UTF-8"},
      {"name: a\nx: " + LongLine(), "p.yaml:2: ", "a line of"},
      {Repeated("[\n", 10'000), "p.yaml:", ""},
      {Repeated("- ", 2'000), "p.yaml:", ""},
      {"rules:\n" + Repeated("  - {key: a.b" + wanted, 4'097), "p.yaml:", ""},
      // Every list is ten times the one before.
      {"a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
       "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nrules: *c\n",
       "p.yaml:1: ", "unknown key 'a'"},
      {"rules: &r [*r, *r]\n", "p.yaml", ""},
      {"rules: [&r {key: a.b, one_of: &l [[*l, *l], *l]}]\n", "p.yaml", ""},
  };
}

TEST(HostileProfile, IsRefusedInOneLineThatSaysWhere) {
  std::vector<Row> rows = ProfileRows();
  for (Row& row : RuleRows()) rows.push_back(std::move(row));
  for (const Row& row : rows) {
    EXPECT_THAT(ParseProfile("p.yaml", row.text), IsOneLine(row)) << row.text.substr(0, 200);
  }
}

TEST(HostileSysctlFile, IsRefusedInOneLineThatSaysWhere) {
  for (const Row& row : SysctlFileRows()) {
    EXPECT_THAT(ParseSysctlFile("f.conf", row.text), IsOneLine(row)) << row.text.substr(0, 200);
  }
}

TEST(HostileSysctlFile, OnDiskMayBeOfAnySize) {
  const auto directory = sys::TemporaryDirectory::Create("profile");
  const std::string path = directory->path() + "/big.conf";
  ASSERT_TRUE(sys::WriteFile(path, Repeated("x = 1\n", 400'000)).ok());
  EXPECT_THAT(LoadProfile(path),
              IsOneLine({.text = "", .where = path + ":1: ", .what = "at most 1048576"}));
}

// What looks odd and is right.
TEST(HostileSysctlFile, KeepsWhatHostsTakeToo) {
  const auto profile = ParseSysctlFile("f.conf",
                                       "net.core.somaxconn = 0x80\r\n"
                                       "net/ipv4/conf/eth0.100/rp_filter=1\n"
                                       "-net.ipv4.tcp_sack = 1\n"
                                       "net.core.rmem_max = 9223372036854775807\n"
                                       "net.ipv4.conf.eth0.medium_id = -1\n"
                                       "net.ipv4.tcp_adv_win_scale = -2\n"
                                       "net.core.somaxconn = 128");
  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->rules.size(), 6u);
}

// Patterns are matched against thousands of keys of hundreds of hosts.
TEST(HostileProfile, HasNoPatternThatTakesForEver) {
  const std::string key = "net/" + Repeated("a", 240);
  const std::string pattern = "net/" + Repeated("*a", 8).substr(0, 15) + "*b";
  int matches = 0;
  for (int i = 0; i < 1'000; ++i) matches += sysctl::GlobMatches(pattern, key) ? 1 : 0;
  EXPECT_EQ(matches, 0);
}

}  // namespace
}  // namespace tcpfleet::controller
