#include "controller/commands/connection_view.h"

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using sockets::Field;
using ::tcpfleet::tests::IsOkAndHolds;
using ::tcpfleet::tests::StatusIs;
using ::testing::ElementsAre;

TEST(ParseFields, KnowsTheRegistryAndDropsRepeats) {
  EXPECT_THAT(ParseFields("rtt, snd_cwnd,rtt"),
              IsOkAndHolds(ElementsAre(Field::kRtt, Field::kSndCwnd)));
}

TEST(ParseFields, SuggestsAName) {
  EXPECT_THAT(ParseFields("rtt,snd_cwdn"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "unknown field 'snd_cwdn', did you mean 'snd_cwnd'?"));
  EXPECT_THAT(ParseFields(""), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ParseSortKey, TakesFieldsAndNames) {
  const SortKey largest_rtt = ParseSortKey("-rtt").value();
  EXPECT_EQ(largest_rtt.by, SortKey::By::kField);
  EXPECT_EQ(largest_rtt.field, Field::kRtt);
  EXPECT_TRUE(largest_rtt.descending);
  EXPECT_EQ(ParseSortKey("peer").value().by, SortKey::By::kPeer);
  EXPECT_THAT(ParseSortKey("-snd_cwdn"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "cannot sort by 'snd_cwdn', did you mean 'snd_cwnd'?"));
}

TEST(SortRows, PutsRowsWithoutTheFieldLast) {
  const std::string agent = "a";
  std::vector<sockets::ConnectionSample> samples(3);
  samples[0].values.Set(Field::kRtt, 5);
  samples[2].values.Set(Field::kRtt, 9);
  for (uint64_t i = 0; i < 3; ++i) samples[i].identity.cookie = i;
  std::vector<ConnectionRow> rows;
  for (const auto& sample : samples) rows.push_back({&agent, &sample});
  const auto cookies = [&] {
    std::vector<uint64_t> order;
    for (const ConnectionRow& row : rows) order.push_back(row.sample->identity.cookie);
    return order;
  };
  SortRows(rows, ParseSortKey("-rtt").value());
  EXPECT_THAT(cookies(), ElementsAre(2, 0, 1));
  SortRows(rows, ParseSortKey("rtt").value());
  EXPECT_THAT(cookies(), ElementsAre(0, 2, 1));
}

}  // namespace
}  // namespace tcpfleet::controller
