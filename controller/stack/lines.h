#pragma once

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <ostream>
#include <string>

#include "controller/cli/table.h"

namespace tcpfleet::controller {

// Lines about one host: labelled ones and tables. What is worrying about a line is said at its end
// or, where that would be wider than `width` columns (0: no limit), below it.
class StackLines {
 public:
  StackLines(std::ostream& out, int width, bool color) : out_(out), width_(width), color_(color) {}

  void Title(const std::string& text);
  void Labelled(absl::string_view label, const std::string& text, const std::string& worry = "");
  // One worry, maybe empty, per row. An empty table is not shown.
  void Rows(const Table& table, absl::Span<const std::string> worries);

 private:
  // `line` as it is printed and without colours.
  void WithWorry(const std::string& line, absl::string_view plain, const std::string& worry);

  std::ostream& out_;
  const int width_;
  const bool color_;
};

// "12 %", "0.3 %", "<0.1 %"
std::string Percent(double share);

// "3 of 12 (25 %)", a total of 0 without its share.
std::string OfTotal(uint64_t part, uint64_t total);

}  // namespace tcpfleet::controller
