#include "controller/cli/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "controller/cli/printer.h"
#include "tcpfleet/v1/report.pb.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tests::StatusIs;

TEST(ParseJson, ReadsWhatWasPrinted) {
  v1::StressReport report;
  report.set_verdict("PASS");
  report.mutable_total()->set_attempted(uint64_t{1} << 60);
  std::ostringstream json;
  ASSERT_TRUE(WriteJson(json, report).ok());
  v1::StressReport read;
  ASSERT_TRUE(ParseJson(json.str(), read).ok());
  EXPECT_EQ(read.total().attempted(), uint64_t{1} << 60);
}

TEST(ParseJson, SkipsFieldsOfNewerVersions) {
  v1::StressReport read;
  ASSERT_TRUE(ParseJson(R"({"mood": {"good": [1]}, "verdict": "FAIL"})", read).ok());
  EXPECT_EQ(read.verdict(), "FAIL");
}

TEST(ParseJson, SaysInOneLineWhatIsWrong) {
  v1::StressReport read;
  EXPECT_THAT(ParseJson("{\"verdict\":\n\n 5", read),
              StatusIs(absl::StatusCode::kInvalidArgument, Not(HasSubstr("\n"))));
  EXPECT_FALSE(ParseJson("", read).ok());
}

}  // namespace
}  // namespace tcpfleet::controller
