#include "controller/cli/table.h"

#include <algorithm>
#include <numeric>

#include "common/base/check.h"
#include "controller/cli/text.h"

namespace tcpfleet::controller {
namespace {

constexpr int kGap = 2;
constexpr int kNarrowest = 8;  // of a shortened column

}  // namespace

void Table::AddRow(std::vector<Cell> cells) {
  TF_CHECK_EQ(cells.size(), columns_.size());
  for (Cell& cell : cells) cell.text = Printable(cell.text);
  rows_.push_back(std::move(cells));
}

std::vector<int> Table::Widths(int limit) const {
  std::vector<int> widths;
  size_t last_left = columns_.size();
  for (size_t i = 0; i < columns_.size(); ++i) {
    widths.push_back(DisplayWidth(columns_[i].header));
    for (const auto& row : rows_) widths[i] = std::max(widths[i], DisplayWidth(row[i].text));
    if (columns_[i].align == Align::kLeft) last_left = i;
  }
  const auto total = [&] {
    return std::accumulate(widths.begin(), widths.end(),
                           kGap * (static_cast<int>(widths.size()) - 1));
  };
  if (limit > 0 && total() > limit && last_left < columns_.size()) {
    int& width = widths[last_left];
    width = std::max(std::min(width, kNarrowest), width - (total() - limit));
  }
  while (limit > 0 && total() > limit && widths.size() > 1) widths.pop_back();
  return widths;
}

void Table::Print(std::ostream& out, int width, bool color) const {
  const std::vector<int> widths = Widths(width);
  const auto print_row = [&](const std::vector<Cell>& cells) {
    std::string blanks;  // held back, so that none end a line
    for (size_t i = 0; i < widths.size(); ++i) {
      const std::string text = Shortened(cells[i].text, widths[i]);
      const std::string padding(static_cast<size_t>(widths[i] - DisplayWidth(text)), ' ');
      if (columns_[i].align == Align::kRight) blanks += padding;
      if (!text.empty()) {
        out << blanks << Styled(cells[i].style, text, color);
        blanks.clear();
      }
      if (columns_[i].align == Align::kLeft) blanks += padding;
      blanks += std::string(kGap, ' ');
    }
    out << '\n';
  };
  std::vector<Cell> header;
  for (const Column& column : columns_) header.emplace_back(column.header, Style::kBold);
  print_row(header);
  for (const auto& row : rows_) print_row(row);
  if (widths.size() == columns_.size()) return;
  out << "(too narrow for";
  for (size_t i = widths.size(); i < columns_.size(); ++i) {
    out << (i == widths.size() ? " " : ", ") << columns_[i].header;
  }
  out << ")\n";
}

}  // namespace tcpfleet::controller
