#include "agent/sysctl/change_log.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sys/file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using tests::IsOk;
using tests::StatusIs;

class ChangeLogTest : public ::testing::Test {
 protected:
  ChangeLog Open() { return *ChangeLog::Open(path_, "boot", &clock_, nullptr); }
  static v1::SysctlLogEntry Entry(const std::string& key) {
    v1::SysctlLogEntry entry;
    entry.set_action("write");
    entry.set_key(key);
    return entry;
  }
  void WriteThree() {
    ChangeLog log = Open();
    for (const char* key : {"a", "b", "c"}) ASSERT_THAT(log.Append(Entry(key)), IsOk());
    ASSERT_THAT(log.Sync(), IsOk());
  }
  std::vector<std::string> Lines() {
    return absl::StrSplit(sys::ReadFile(path_).value(), '\n', absl::SkipEmpty());
  }
  std::string DamageOf(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
    EXPECT_THAT(sys::WriteFile(path_, text), IsOk());
    return ReadChangeLog(path_, 10, 10'000).value().damage;
  }

  base::SystemClock clock_;
  sys::TemporaryDirectory directory_ = *sys::TemporaryDirectory::Create("tcpfleet-test");
  const std::string path_ = directory_.path() + "/sysctl.log";
};

TEST_F(ChangeLogTest, GoesOnWhereItEnded) {
  WriteThree();
  ASSERT_THAT(Open().Append(Entry("d")), IsOk());
  const LogReading reading = ReadChangeLog(path_, 10, 10'000).value();
  EXPECT_EQ(reading.damage, "");
  ASSERT_THAT(reading.entries, SizeIs(4));
  EXPECT_EQ(reading.entries[3].sequence(), 4u);
  EXPECT_EQ(reading.entries[3].key(), "d");
  EXPECT_EQ(reading.entries[3].previous_hash(), reading.entries[2].hash());
  EXPECT_EQ(reading.entries[3].boot_id(), "boot");
}

TEST_F(ChangeLogTest, IsWholeWhenThereIsNone) {
  EXPECT_EQ(ReadChangeLog(path_, 10, 10'000).value().damage, "");
}

TEST_F(ChangeLogTest, FindsTheLineThatWasTamperedWith) {
  WriteThree();
  const std::vector<std::string> lines = Lines();
  ASSERT_THAT(lines, SizeIs(3));
  std::vector<std::string> altered = lines;
  const size_t key = altered[1].find("\"b\"");
  ASSERT_NE(key, std::string::npos);
  altered[1].replace(key, 3, "\"x\"");
  EXPECT_THAT(DamageOf(altered), HasSubstr("line 2: has been altered"));
  EXPECT_THAT(DamageOf({lines[0], lines[2]}), HasSubstr("line 2: does not follow"));
  EXPECT_THAT(DamageOf({lines[1], lines[2]}), HasSubstr("line 1: does not follow"));
  EXPECT_THAT(DamageOf({lines[0], lines[0], lines[1]}), HasSubstr("line 2: does not follow"));
  EXPECT_THAT(DamageOf({lines[0], "{}", lines[1]}), HasSubstr("line 2: has been altered"));
  EXPECT_THAT(DamageOf({"no JSON", lines[0]}), HasSubstr("line 1: is no entry"));
  EXPECT_THAT(DamageOf({std::string(300'000, 'x')}), HasSubstr("line 1: is no entry"));
  EXPECT_EQ(DamageOf(lines), "");
}

TEST_F(ChangeLogTest, GoesOnAfterALineThatWasTamperedWith) {
  WriteThree();
  std::vector<std::string> lines = Lines();
  lines[2] = "gone";
  EXPECT_THAT(DamageOf(lines), HasSubstr("line 3"));
  ASSERT_THAT(Open().Append(Entry("d")), IsOk());
  EXPECT_THAT(ReadChangeLog(path_, 10, 10'000).value().damage, HasSubstr("line 3"));
}

TEST_F(ChangeLogTest, CutsOffWhatACrashLeftOfALine) {
  WriteThree();
  const std::string whole = sys::ReadFile(path_).value();
  for (const size_t length : {whole.size() - 1, whole.size() - 100}) {
    ASSERT_THAT(sys::WriteFile(path_, whole.substr(0, length)), IsOk());
    ASSERT_THAT(Open().Append(Entry("d")), IsOk());
    const LogReading reading = ReadChangeLog(path_, 10, 10'000).value();
    EXPECT_EQ(reading.damage, "");
    EXPECT_THAT(reading.entries, SizeIs(3));
  }
}

TEST_F(ChangeLogTest, KeepsTheNewestWithinItsBounds) {
  WriteThree();
  LogReading reading = ReadChangeLog(path_, 2, 10'000).value();
  ASSERT_THAT(reading.entries, SizeIs(2));
  EXPECT_EQ(reading.entries[0].key(), "b");
  reading = ReadChangeLog(path_, 10, Lines()[0].size() + 100).value();
  ASSERT_THAT(reading.entries, SizeIs(1));
  EXPECT_EQ(reading.entries[0].key(), "c");
}

TEST_F(ChangeLogTest, CutsTextsThatAreTooLong) {
  v1::SysctlLogEntry entry = Entry("a");
  std::string text(kLongestLogText - 1, 'x');
  entry.set_reason(text + "\u00e9\u00e9");
  ASSERT_THAT(Open().Append(entry), IsOk());
  const LogReading reading = ReadChangeLog(path_, 2, 1'000'000).value();
  ASSERT_THAT(reading.entries, SizeIs(1));
  EXPECT_EQ(reading.entries[0].reason(), text);
}

TEST_F(ChangeLogTest, HasOneWriter) {
  const ChangeLog log = Open();
  EXPECT_THAT(ChangeLog::Open(path_, "boot", &clock_, nullptr),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace tcpfleet::agent
