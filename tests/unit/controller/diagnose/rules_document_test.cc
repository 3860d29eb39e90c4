// docs/rules.md names for each rule the test that provokes it; all else it says of tests follows
// from their ExpectWarnings. UPDATE_GOLDEN=1 writes it anew.
#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/sys/file.h"
#include "controller/diagnose/rules.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::tests {
namespace {

using controller::AllRules;
using controller::DiagnosisRule;

constexpr char kDocument[] = "../../../docs/rules.md";  // from the golden files
constexpr absl::string_view kCheck = "ExpectWarnings(";
constexpr absl::string_view kBeforeOthers = "Other tests check this too";
constexpr absl::string_view kByEvidence = "by evidence: ";

std::string ReadGolden(const std::string& name) {
  return sys::ReadFile(absl::StrCat(TCPFLEET_GOLDEN_DIR, "/", name)).value();
}

std::vector<std::string> QuotedIn(absl::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '"');
  std::vector<std::string> quoted;
  for (size_t i = 1; i < parts.size(); i += 2) quoted.push_back(parts[i]);
  return quoted;
}

// The {...} arguments of a call, from behind its parenthesis.
std::vector<std::string> ListsOf(absl::string_view call) {
  std::vector<std::string> lists;
  int depth = 1;
  for (size_t i = 0; i < call.size() && depth > 0; ++i) {
    if (call[i] == '(') ++depth;
    if (call[i] == ')') --depth;
    if (call[i] != '{' || depth != 1) continue;
    const size_t end = call.find('}', i);
    lists.emplace_back(call.substr(i, end - i));
    i = end;
  }
  return lists;
}

// Rules that warn with a provoked one, as "R08 client".
struct Provocation {
  std::string body;
  std::set<std::string> always;
  std::set<std::string> maybe;
};

std::set<std::string> WarningsIn(absl::string_view list) {
  std::set<std::string> warnings;
  for (const std::string& said : QuotedIn(list)) {  // "client connect-timeout"
    const std::pair<std::string, std::string> words = absl::StrSplit(said, ' ');
    const DiagnosisRule* const rule = controller::FindRule(words.second);
    EXPECT_NE(rule, nullptr) << said;
    if (rule != nullptr) warnings.insert(absl::StrCat(rule->number, " ", words.first));
  }
  return warnings;
}

Provocation ReadProvocation(const std::string& body) {
  Provocation provocation{.body = body, .always = {}, .maybe = {}};
  const std::vector<std::string> calls = absl::StrSplit(body, kCheck);
  for (size_t i = 1; i < calls.size(); ++i) {
    const std::vector<std::string> lists = ListsOf(calls[i]);
    EXPECT_THAT(lists.size(), testing::AnyOf(1, 2)) << calls[i];
    if (lists.empty()) continue;
    provocation.always.merge(WarningsIn(lists[0]));
    if (lists.size() > 1) provocation.maybe.merge(WarningsIn(lists[1]));
  }
  return provocation;
}

// By name, those of tests/integration that check what else warns.
std::map<std::string, Provocation> ReadTests() {
  std::map<std::string, Provocation> tests;
  const std::filesystem::path directory = absl::StrCat(TCPFLEET_GOLDEN_DIR, "/../../integration");
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (!absl::EndsWith(entry.path().string(), "_test.cc")) continue;
    const std::string text = sys::ReadFile(entry.path()).value();
    const std::vector<std::string> parts = absl::StrSplit(text, "\nTEST_F(");
    for (size_t i = 1; i < parts.size(); ++i) {
      const std::string signature = parts[i].substr(0, parts[i].find(')'));
      const std::string name(absl::StripAsciiWhitespace(signature.substr(signature.find(',') + 1)));
      if (!absl::StrContains(parts[i], kCheck)) continue;
      EXPECT_TRUE(tests.emplace(name, ReadProvocation(parts[i])).second) << name << " is not alone";
    }
  }
  return tests;
}

// Of the document: by rule, the test that provokes it or why there is none.
std::map<std::string, std::string> ReadRows(absl::string_view document) {
  std::map<std::string, std::string> rows;
  for (const absl::string_view line : absl::StrSplit(document, '\n')) {
    if (!absl::StartsWith(line, "| R")) continue;
    const std::vector<std::string> cells = absl::StrSplit(line, " | ");
    const std::string number = cells[0].substr(2, 3);
    EXPECT_NE(controller::FindRule(number), nullptr) << line;
    EXPECT_TRUE(rows.emplace(number, cells.at(1)).second) << number << " stands there twice";
  }
  return rows;
}

std::set<std::string> RulesOfTheMachine() {
  const std::string fixture = ReadGolden("../../integration/diagnose_fixture.h");
  const size_t begin = fixture.find("kOfTheMachine");
  const std::vector<std::string> ids =
      QuotedIn(absl::string_view(fixture).substr(begin, fixture.find("};", begin) - begin));
  EXPECT_FALSE(ids.empty());
  return {ids.begin(), ids.end()};
}

bool HasRule(const std::set<std::string>& warnings, absl::string_view number) {
  return std::any_of(warnings.begin(), warnings.end(),
                     [&](const std::string& warning) { return absl::StartsWith(warning, number); });
}

// Without the rule itself.
std::string Others(const std::set<std::string>& warnings, absl::string_view number) {
  std::vector<std::string> others;
  for (const std::string& warning : warnings) {
    if (!absl::StartsWith(warning, number)) others.push_back(warning);
  }
  return absl::StrJoin(others, ", ");
}

class Document {
 public:
  Document() : text_(ReadGolden(kDocument)), tests_(ReadTests()), rows_(ReadRows(text_)) {}

  // The document with its table, its list and its matrix as they should be.
  std::string Regenerated() const {
    const std::vector<std::string> lines = absl::StrSplit(absl::StripSuffix(text_, "\n"), '\n');
    std::string out;
    std::vector<std::string> places;
    bool in_matrix = false;
    for (size_t i = 0; i < lines.size(); ++i) {
      if (absl::StartsWith(lines[i], "```")) {
        in_matrix = !in_matrix;
        absl::StrAppend(&out, lines[i], "\n", in_matrix ? Matrix() : "");
        if (in_matrix) places.emplace_back("matrix");
      } else if (!in_matrix && !IsGenerated(lines[i])) {
        absl::StrAppend(&out, lines[i], "\n");
        if (absl::StartsWith(lines[i], "|--")) {
          places.emplace_back("table");
          out += Table();
        } else if (i > 0 && absl::StartsWith(lines[i - 1], kBeforeOthers)) {
          places.emplace_back("list");
          out += OtherTests();
        }
      }
    }
    EXPECT_THAT(places, testing::ElementsAre("table", "list", "matrix"));
    return out;
  }

  // Null for a rule that no test provokes.
  const Provocation* ProvocationOf(const DiagnosisRule& rule) const {
    const auto test = tests_.find(Cell(rule));
    return test == tests_.end() ? nullptr : &test->second;
  }
  std::string Cell(const DiagnosisRule& rule) const {
    const auto row = rows_.find(std::string(rule.number));
    return row == rows_.end() ? "" : row->second;
  }

 private:
  static bool IsGenerated(absl::string_view line) {
    return absl::StartsWith(line, "| R") || (absl::ConsumePrefix(&line, "- ") && !line.empty() &&
                                             absl::ascii_isupper(static_cast<uint8_t>(line[0])));
  }

  std::string Table() const {
    std::string out;
    for (const DiagnosisRule& rule : AllRules()) {
      absl::StrAppend(&out, "| ", rule.number, " ", rule.id, " | ", Cell(rule), " | ");
      const Provocation* const test = ProvocationOf(rule);
      if (test != nullptr) {
        absl::StrAppend(&out, Others(test->always, rule.number), " | ",
                        Others(test->maybe, rule.number), " |\n");
      } else {
        out += "| |\n";
      }
    }
    return out;
  }

  // Those that stand in no row.
  std::string OtherTests() const {
    std::set<std::string> in_rows;
    for (const auto& [number, test] : rows_) in_rows.insert(test);
    std::string out;
    for (const auto& [name, test] : tests_) {
      if (in_rows.contains(name)) continue;
      const std::string always = Others(test.always, "none");
      const std::string maybe = Others(test.maybe, "none");
      absl::StrAppend(&out, "- ", name, always.empty() ? "" : ": ", always,
                      maybe.empty() ? "" : "; perhaps ", maybe, "\n");
    }
    return out;
  }

  // A character for each column, with a gap before every tenth.
  template <class Mark>
  static std::string Line(absl::string_view head, const Mark& mark) {
    std::string line(head);
    for (const DiagnosisRule& column : AllRules()) {
      if (column.number[2] == '0') line += ' ';
      line += mark(column);
    }
    return absl::StrCat(absl::StripTrailingAsciiWhitespace(line), "\n");
  }

  std::string Matrix() const {
    std::string out = Line("     ", [](const DiagnosisRule& column) { return column.number[1]; });
    out += Line("     ", [](const DiagnosisRule& column) { return column.number[2]; });
    for (const DiagnosisRule& rule : AllRules()) {
      const Provocation* const test = ProvocationOf(rule);
      out += Line(absl::StrCat(rule.number, "  "), [&](const DiagnosisRule& column) {
        if (test == nullptr) return &column == &rule ? 'e' : ' ';
        if (&column == &rule) return '#';
        if (HasRule(test->always, column.number)) return 'A';
        if (HasRule(test->maybe, column.number)) return 'm';
        if (Cell(column) == Cell(rule)) return 'A';
        return of_the_machine_.contains(std::string(column.id)) ? '?' : '.';
      });
    }
    return out;
  }

  const std::string text_;
  const std::map<std::string, Provocation> tests_;
  const std::map<std::string, std::string> rows_;
  const std::set<std::string> of_the_machine_ = RulesOfTheMachine();
};

TEST(RulesDocument, NamesForEachRuleTheTestThatProvokesIt) {
  const Document document;
  for (const DiagnosisRule& rule : AllRules()) {
    const std::string cell = document.Cell(rule);
    const Provocation* const test = document.ProvocationOf(rule);
    if (test == nullptr) {
      EXPECT_THAT(cell, testing::StartsWith(std::string(kByEvidence)))
          << std::string(rule.number) << " is provoked by no test of tests/integration";
    } else {
      EXPECT_TRUE(absl::StrContains(test->body, absl::StrCat(rule.id, "\"")))
          << cell << " does not look for " << std::string(rule.id);
    }
  }
}

TEST(RulesDocument, SaysWhatWarnsTogether) { ExpectGolden(kDocument, Document().Regenerated()); }

}  // namespace
}  // namespace tcpfleet::tests
