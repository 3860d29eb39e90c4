#include "common/observe/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <string>

namespace tcpfleet::observe {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

std::string Logged(const LogOptions& options, const std::string& message) {
  ::testing::internal::CaptureStderr();
  EXPECT_TRUE(SetUpLogging(options).ok());
  spdlog::debug("not at this level");
  spdlog::warn(message);
  spdlog::default_logger()->flush();
  return ::testing::internal::GetCapturedStderr();
}

TEST(Log, WritesTextForPeople) {
  EXPECT_THAT(Logged({.level = "info", .format = "text"}, "a warning"),
              ContainsRegex("^[0-9-]+T[0-9:.]+ .*warn.* a warning\n$"));
}

TEST(Log, WritesOneJsonObjectPerLineWhateverTheMessage) {
  const std::string line = Logged({.level = "warn", .format = "json"}, "say \"hi\"\n\\ and go");
  EXPECT_THAT(line, HasSubstr(R"("level":"warning","message":"say \"hi\"\u000a\\ and go"})"));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(Log, RefusesUnknownLevelsAndFormats) {
  EXPECT_THAT(std::string(SetUpLogging({.level = "loud"}).message()), HasSubstr("'loud'"));
  EXPECT_THAT(std::string(SetUpLogging({.format = "xml"}).message()), HasSubstr("'xml'"));
}

}  // namespace
}  // namespace tcpfleet::observe
