#include "controller/tui/columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Names(absl::Span<const PlacedColumn> placed) {
  std::vector<std::string> names;
  for (const PlacedColumn& column : placed) {
    names.push_back(ColumnName(column.column.column) + (column.column.sparkline ? "~" : ""));
  }
  return names;
}

TableColumn Shown(const std::string& name, int importance = 0) {
  return {.column = ParseColumn(name).value(), .importance = importance};
}

TEST(PlaceColumns, KeepsTheOrderWhereAllFit) {
  EXPECT_THAT(Names(PlaceColumns({Shown("host", 2), Shown("rtt", 1)}, {5, 5}, 11)),
              ElementsAre("host", "rtt"));
}

TEST(PlaceColumns, LeavesOutTheLeastImportant) {
  EXPECT_THAT(
      Names(PlaceColumns({Shown("host", 2), Shown("peer", 0), Shown("rtt", 1)}, {5, 5, 5}, 16)),
      ElementsAre("peer", "rtt"));
}

TEST(PlaceColumns, FillsTheRestWithWhatIsNarrow) {
  EXPECT_THAT(
      Names(PlaceColumns({Shown("host", 0), Shown("peer", 1), Shown("rtt", 2)}, {5, 9, 3}, 10)),
      ElementsAre("host", "rtt"));
}

TEST(PlaceColumns, CutsASingleColumnThatIsTooWide) {
  const std::vector<PlacedColumn> placed = PlaceColumns({Shown("host")}, {50}, 20);
  ASSERT_EQ(placed.size(), 1);
  EXPECT_EQ(placed[0].width, 20);
}

TEST(WithSparklines, PutsOneBehindWhatHasAHistory) {
  const std::vector<TableColumn> columns =
      WithSparklines({ParseColumn("host").value(), ParseColumn("rtt").value()});
  ASSERT_EQ(columns.size(), 3);
  EXPECT_TRUE(columns[2].sparkline);
  EXPECT_EQ(columns[2].column, ParseColumn("rtt").value());
}

TEST(ColumnTitle, IsShortForWhatPeopleLookAtFirst) {
  EXPECT_EQ(ColumnTitle(ParseColumn("total_retrans").value()), "RETRANS");
  EXPECT_EQ(ColumnTitle(ParseColumn("reord_seen").value()), "REORD_SEEN");
}

}  // namespace
}  // namespace tcpfleet::controller
