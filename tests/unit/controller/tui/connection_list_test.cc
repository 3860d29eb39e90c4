#include "controller/tui/connection_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/controller/tui/story_table.h"

namespace tcpfleet::controller {
namespace {

using Code = Key::Code;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ConnectionListTest : public ::testing::Test {
 protected:
  void SetUp() override { Play(story_, 5, table_); }

  static std::vector<TableColumn> Defaults() {
    return {DefaultTableColumns().begin(), DefaultTableColumns().end()};
  }
  void Draw() { list_.Draw(canvas_, 0, canvas_.height(), table_); }
  void NextSecond() {
    Play(story_, 1, table_);
    list_.TableChanged();
  }
  // The line of the screen the cursor is on.
  int CursorLine() const {
    for (int y = 1; y < canvas_.height(); ++y) {
      if (canvas_.at(0, y).look.reverse) return y;
    }
    return -1;
  }

  tests::FleetStory story_{{.clients = 40}};
  FleetTable table_;
  ConnectionList list_{ParseRowOrder("-send_rate").value(), {}, Defaults()};
  Canvas canvas_{100, 12};
};

TEST_F(ConnectionListTest, ShowsTheFirstOfTheOrder) {
  Draw();
  const RowSelection all = SelectRows(table_, {.order = ParseRowOrder("-send_rate").value()});
  EXPECT_EQ(list_.Selected(), KeyOf(*all.rows[0]));
  EXPECT_EQ(list_.matched(), table_.size());
  EXPECT_THAT(LineOf(canvas_, 0), HasSubstr("SEND▼"));
}

TEST_F(ConnectionListTest, StaysAtTheTopUntilTheCursorIsMoved) {
  for (int i = 0; i < 10; ++i) {
    NextSecond();
    Draw();
    const RowSelection all = SelectRows(table_, {.order = list_.order(), .most = 1});
    EXPECT_EQ(list_.Selected(), KeyOf(*all.rows[0]));
    EXPECT_EQ(CursorLine(), 1);
  }
}

TEST_F(ConnectionListTest, FollowsTheConnectionUnderTheCursorWhileTheOrderChanges) {
  Draw();
  list_.OnKey({.code = Code::kDown});
  Draw();
  const std::optional<RowKey> chosen = list_.Selected();
  ASSERT_TRUE(chosen.has_value());
  for (int i = 0; i < 8; ++i) {
    NextSecond();
    Draw();
    EXPECT_EQ(list_.Selected(), chosen);
  }
  list_.SetOrder(ParseRowOrder("send_rate").value());
  Draw();
  EXPECT_EQ(list_.Selected(), chosen) << "at the other end of the table now";
  EXPECT_GT(CursorLine(), 0);
}

TEST_F(ConnectionListTest, FollowsWhatWasSeenWhenTheKeyWasPressed) {
  Draw();
  const std::string second = LineOf(canvas_, 2);
  NextSecond();  // not drawn yet
  list_.OnKey({.code = Code::kDown});
  Draw();
  const std::optional<RowKey> chosen = list_.Selected();
  ASSERT_TRUE(chosen.has_value());
  const ConnectionRow* const row = FindRow(table_, *chosen);
  ASSERT_NE(row, nullptr);
  EXPECT_THAT(second, HasSubstr(CellText(ParseColumn("peer").value(), *row, table_.hosts())));
}

TEST_F(ConnectionListTest, HomeGoesBackToTheTopAndStaysThere) {
  Draw();
  list_.OnKey({.code = Code::kPageDown});
  Draw();
  list_.OnKey({.code = Code::kHome});
  NextSecond();
  Draw();
  EXPECT_EQ(CursorLine(), 1);
  const RowSelection all = SelectRows(table_, {.order = list_.order(), .most = 1});
  EXPECT_EQ(list_.Selected(), KeyOf(*all.rows[0]));
}

TEST_F(ConnectionListTest, ReachesEveryRow) {
  Draw();
  list_.OnKey(Letter('G'));
  Draw();
  const RowSelection all = SelectRows(table_, {.order = list_.order()});
  EXPECT_EQ(list_.Selected(), KeyOf(*all.rows.back()));
  EXPECT_EQ(CursorLine(), canvas_.height() - 1);
  for (size_t i = 0; i < all.rows.size(); ++i) list_.OnKey({.code = Code::kUp});
  Draw();
  EXPECT_EQ(list_.Selected(), KeyOf(*all.rows.front()));
}

TEST_F(ConnectionListTest, GoesOnWithTheNextWhenItsConnectionEnds) {
  list_.SetFilter(*filter::Filter::Parse("sport = :5432"));
  Draw();
  list_.OnKey({.code = Code::kDown});
  Draw();
  list_.SetFilter(*filter::Filter::Parse("sport = :443"));
  Draw();
  EXPECT_TRUE(list_.Selected().has_value());
  EXPECT_EQ(CursorLine(), 2);
}

TEST_F(ConnectionListTest, SortsByTheNeighbouringColumn) {
  Draw();
  list_.OnKey(Letter('<'));
  EXPECT_EQ(list_.order().column, ParseColumn("peer").value());
  EXPECT_FALSE(list_.order().descending);
  list_.OnKey(Letter('>'));
  EXPECT_EQ(list_.order(), ParseRowOrder("-send_rate").value());
  list_.OnKey(Letter('r'));
  EXPECT_EQ(list_.order(), ParseRowOrder("send_rate").value());
}

TEST_F(ConnectionListTest, FiltersAndSaysHowManyMatch) {
  list_.SetFilter(*filter::Filter::Parse("sport = :5432"));
  Draw();
  EXPECT_EQ(list_.matched(), 20);
  EXPECT_THAT(canvas_.Text(), Not(HasSubstr(":443 ")));
}

TEST_F(ConnectionListTest, ShowsNothingWhenNothingMatches) {
  list_.SetFilter(*filter::Filter::Parse("sport = :1"));
  Draw();
  EXPECT_EQ(list_.Selected(), std::nullopt);
  for (const Code code : {Code::kDown, Code::kUp, Code::kPageDown, Code::kEnter}) {
    list_.OnKey({.code = code});
    Draw();
  }
  EXPECT_EQ(CursorLine(), -1);
}

TEST_F(ConnectionListTest, FoldsAndUnfoldsGroups) {
  list_.SetGroups(ParseColumns("host").value());
  Draw();
  EXPECT_THAT(LineOf(canvas_, 0), HasSubstr("CONNS"));
  EXPECT_THAT(canvas_.Text(), HasSubstr("▸ web1"));
  EXPECT_EQ(list_.Selected(), std::nullopt);
  list_.OnKey({.code = Code::kEnter});
  Draw();
  EXPECT_THAT(LineOf(canvas_, 1), StartsWith("▾ "));
  EXPECT_THAT(LineOf(canvas_, 2), HasSubstr("PEER"));
  list_.OnKey({.code = Code::kDown});
  list_.OnKey({.code = Code::kDown});
  Draw();
  EXPECT_TRUE(list_.Selected().has_value());
  list_.OnKey(Letter('F'));
  Draw();
  EXPECT_THAT(canvas_.Text(), Not(HasSubstr("▾")));
  list_.OnKey(Letter('E'));
  Draw();
  EXPECT_THAT(canvas_.Text(), HasSubstr("▾"));
}

TEST_F(ConnectionListTest, ClicksChooseALine) {
  Draw();
  list_.OnKey({.code = Code::kClick, .y = 4});
  Draw();
  EXPECT_EQ(CursorLine(), 4);
  list_.OnKey({.code = Code::kClick, .y = 99});
  Draw();
  EXPECT_EQ(CursorLine(), 4);
}

TEST_F(ConnectionListTest, SurvivesAScreenWithoutRoom) {
  list_.Draw(canvas_, 5, 6, table_);
  list_.OnKey({.code = Code::kDown});
  list_.Draw(canvas_, 5, 7, table_);
  EXPECT_TRUE(list_.Selected().has_value());
}

TEST_F(ConnectionListTest, HasNoColumnForTheOnlyHost) {
  tests::FleetStory story({.web_hosts = 0, .has_silent_agent = false});
  FleetTable table;
  Play(story, 2, table);
  list_.Draw(canvas_, 0, 12, table);
  EXPECT_THAT(LineOf(canvas_, 0), Not(HasSubstr("HOST")));
}

TEST(FindRow, KnowsWhatIsGone) {
  FleetTable table;
  tests::FleetStory story({});
  Play(story, 1, table);
  const RowKey key = KeyOf(*table.Rows().front());
  EXPECT_EQ(KeyOf(*FindRow(table, key)), key);
  EXPECT_EQ(FindRow(table, {.host = key.host, .cookie = 1}), nullptr);
  EXPECT_EQ(FindRow(table, {.host = 99, .cookie = key.cookie}), nullptr);
}

}  // namespace
}  // namespace tcpfleet::controller
