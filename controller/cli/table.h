#pragma once

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "controller/cli/color.h"

namespace tcpfleet::controller {

struct Cell {
  Cell(std::string cell_text, Style cell_style = Style::kPlain)  // NOLINT: rows are lists of texts
      : text(std::move(cell_text)), style(cell_style) {}
  Cell(const char* cell_text) : text(cell_text) {}  // NOLINT
  std::string text;
  Style style = Style::kPlain;
};

// Aligned columns under a header, two blanks between them, none at line ends. Control characters in
// cells are shown as '?'.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string header;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as columns.
  void AddRow(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }
  // Where lines would be longer than `width` terminal columns, the last left-aligned column is
  // shortened, down to 8; then columns are left out from the right, and a last line names them. 0
  // means no limit.
  void Print(std::ostream& out, int width = 0, bool color = false) const;

 private:
  // Of the columns that fit.
  std::vector<int> Widths(int limit) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace tcpfleet::controller
