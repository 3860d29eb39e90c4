#include "controller/cli/printer.h"

#include <sstream>

#include "tcpfleet/v1/report.pb.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::IsOk;
using ::tcpfleet::tests::StatusIs;

TEST(WriteJson, PrintsZerosAndEmptyLists) {
  std::ostringstream out;
  ASSERT_THAT(WriteJson(out, v1::AgentsReport()), IsOk());
  EXPECT_EQ(out.str(), "{\n \"agents\": [],\n \"failures\": []\n}\n");
}

TEST(WriteJsonl, LeavesOutAbsentOptionalFieldsAndMessages) {
  v1::Distribution absent;
  std::ostringstream out;
  ASSERT_THAT(WriteJsonl(out, absent), IsOk());
  EXPECT_EQ(out.str(), "{\"count\":\"0\"}\n");
}

TEST(WriteJsonl, KeepsOptionalFieldsThatAreZero) {
  v1::Distribution distribution;
  distribution.set_count(1);
  distribution.set_min(0);
  std::ostringstream out;
  ASSERT_THAT(WriteJsonl(out, distribution), IsOk());
  EXPECT_EQ(out.str(), "{\"count\":\"1\",\"min\":0}\n");
}

TEST(WriteJsonl, WritesMapsWithTheirKeys) {
  v1::ConnectionRecord record;
  (*record.mutable_fields())["total_retrans"] = 3;
  std::ostringstream out;
  ASSERT_THAT(WriteJsonl(out, record), IsOk());
  EXPECT_THAT(out.str(), ::testing::HasSubstr("\"fields\":{\"total_retrans\":\"3\"}"));
}

TEST(WriteCsv, QuotesAsRfc4180Says) {
  std::ostringstream out;
  const std::vector<CsvRow> rows = {{"plain", "a,b"}, {"say \"hi\"", "two\nlines"}};
  WriteCsv(out, {"x", "y"}, rows);
  EXPECT_EQ(out.str(), "x,y\r\nplain,\"a,b\"\r\n\"say \"\"hi\"\"\",\"two\nlines\"\r\n");
}

}  // namespace
}  // namespace tcpfleet::controller
