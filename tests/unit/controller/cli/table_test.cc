#include "controller/cli/table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace tcpfleet::controller {
namespace {

Table TestTable() {
  Table table({{"NAME"}, {"CPUS", Table::Align::kRight}, {"DETAIL"}});
  table.AddRow({"web01", "16", "all is well here"});
  table.AddRow({"ü", "8", ""});
  return table;
}

std::string Printed(const Table& table, int width, bool color = false) {
  std::ostringstream out;
  table.Print(out, width, color);
  return out.str();
}

TEST(Table, AlignsColumnsWithoutBlanksAtLineEnds) {
  EXPECT_EQ(Printed(TestTable(), 0),
            "NAME   CPUS  DETAIL\n"
            "web01    16  all is well here\n"
            "ü         8\n");
}

TEST(Table, ShortensTheLastTextColumnToTheWidth) {
  EXPECT_EQ(Printed(TestTable(), 24),
            "NAME   CPUS  DETAIL\n"
            "web01    16  all is wel…\n"
            "ü         8\n");
}

TEST(Table, ShortensTextToEightColumnsAtMost) {
  EXPECT_EQ(Printed(TestTable(), 21),
            "NAME   CPUS  DETAIL\n"
            "web01    16  all is …\n"
            "ü         8\n");
}

TEST(Table, LeavesOutWhatDoesNotFitAndNamesIt) {
  EXPECT_EQ(Printed(TestTable(), 20),
            "NAME   CPUS\n"
            "web01    16\n"
            "ü         8\n"
            "(too narrow for DETAIL)\n");
  EXPECT_EQ(Printed(TestTable(), 3),
            "NAME\n"
            "web01\n"
            "ü\n"
            "(too narrow for CPUS, DETAIL)\n");
}

TEST(Table, ColorsWithoutShiftingColumns) {
  Table table({{"A"}, {"B"}});
  table.AddRow({Cell("x", Style::kRed), "y"});
  EXPECT_EQ(Printed(table, 0, true),
            "\x1b[1mA\x1b[0m  \x1b[1mB\x1b[0m\n"
            "\x1b[31mx\x1b[0m  y\n");
}

TEST(Table, ShowsControlCharactersAsQuestionMarks) {
  Table table({{"A"}});
  table.AddRow({"\x1b[2J"});
  EXPECT_EQ(Printed(table, 0), "A\n?[2J\n");
}

TEST(UseColor, ObeysTheEnvironmentOnlyWhenAutomatic) {
  const Environment plain = [](const std::string&) { return std::nullopt; };
  const Environment no_color = [](const std::string& name) {
    return name == "NO_COLOR" ? std::optional<std::string>("1") : std::nullopt;
  };
  const Environment dumb = [](const std::string& name) {
    return name == "TERM" ? std::optional<std::string>("dumb") : std::nullopt;
  };
  EXPECT_TRUE(UseColor(ColorMode::kAuto, true, plain));
  EXPECT_FALSE(UseColor(ColorMode::kAuto, false, plain));
  EXPECT_FALSE(UseColor(ColorMode::kAuto, true, no_color));
  EXPECT_FALSE(UseColor(ColorMode::kAuto, true, dumb));
  EXPECT_TRUE(UseColor(ColorMode::kAlways, false, no_color));
  EXPECT_FALSE(UseColor(ColorMode::kNever, true, plain));
}

}  // namespace
}  // namespace tcpfleet::controller
