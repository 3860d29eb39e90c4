#include "controller/tui/console_model.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <utility>

#include "controller/tui/header.h"
#include "controller/tui/help.h"

namespace tcpfleet::controller {
namespace {

using Request = ConsoleModel::Request;

std::vector<TableColumn> TableColumns(const std::vector<Column>& chosen) {
  if (!chosen.empty()) return WithSparklines(chosen);
  const absl::Span<const TableColumn> defaults = DefaultTableColumns();
  return {defaults.begin(), defaults.end()};
}

std::vector<std::string> NamesOf(absl::Span<const Column> columns) {
  std::vector<std::string> names;
  for (const Column& column : columns) names.push_back(ColumnName(column));
  return names;
}

std::vector<std::string> AllColumnNames() {
  std::vector<std::string> names;
  for (auto kind = static_cast<int>(Column::Kind::kHost);
       kind <= static_cast<int>(Column::Kind::kLimited); ++kind) {
    names.push_back(ColumnName({.kind = static_cast<Column::Kind>(kind)}));
  }
  for (const sockets::FieldInfo& info : sockets::AllFields()) {
    const std::string name(info.name);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

// What makes sense to fold by.
std::vector<std::string> GroupColumnNames() {
  return {"host",  "process", "peer", "paddr",  "pport", "local", "laddr", "lport",
          "state", "limited", "cc",   "cgroup", "uid",   "netns", "pid",   "command"};
}

}  // namespace

ConsoleModel::ConsoleModel(ConsoleSettings settings)
    : watched_(std::move(settings.watched)),
      list_(settings.order, std::move(settings.group_by), TableColumns(settings.columns)),
      columns_(std::move(settings.columns)) {
  list_.SetFilter(std::move(settings.filter));
}

Request ConsoleModel::OnKey(const Key& key) {
  if (key.IsControl('c')) return Request::kQuit;
  if (key.IsControl('l')) return Request::kRedraw;
  if (key.IsControl('z')) return Request::kSuspend;
  if (filter_line_.has_value()) {
    OnFilterKey(key);
    return Request::kNone;
  }
  if (chooser_.has_value()) {
    OnChooserKey(key);
    return Request::kNone;
  }
  if (page_ == Page::kHelp) {
    if (!OnScrollKey(key)) page_ = Page::kTable;
    return Request::kNone;
  }
  if (key.Is('q') || key.Is('Q')) return Request::kQuit;
  if (key.Is('?')) {
    page_ = Page::kHelp;
    scroll_ = 0;
    return Request::kNone;
  }
  if (const Request request = OnTimeKey(key); request != Request::kNone) return request;
  OnTableKey(key);
  return Request::kNone;
}

Request ConsoleModel::OnTimeKey(const Key& key) const {
  if (key.Is(' ')) return Request::kPause;
  if (key.Is('[')) return Request::kBackOne;
  if (key.Is(']')) return Request::kForwardOne;
  if (key.Is('{')) return Request::kBackTen;
  if (key.Is('}')) return Request::kForwardTen;
  if (key.Is('+') || key.Is('=')) return Request::kFaster;
  if (key.Is('-')) return Request::kSlower;
  return key.code == Key::Code::kEnd ? Request::kToEnd : Request::kNone;
}

void ConsoleModel::OnFilterKey(const Key& key) {
  const FilterLine::Outcome outcome = filter_line_->OnKey(key);
  const std::optional<filter::Filter>& filter = filter_line_->filter();
  const bool same = filter.has_value() == list_.filter().has_value() &&
                    (!filter.has_value() || filter->text() == list_.filter()->text());
  if (!same) list_.SetFilter(filter);
  if (outcome != FilterLine::Outcome::kOpen) filter_line_.reset();
}

void ConsoleModel::OnChooserKey(const Key& key) {
  const Chooser::Outcome outcome = chooser_->OnKey(key);
  if (outcome == Chooser::Outcome::kAccepted) ApplyChoice(chooser_->chosen());
  if (outcome != Chooser::Outcome::kOpen) chooser_.reset();
}

void ConsoleModel::OpenChooser(Choice choice) {
  choice_ = choice;
  switch (choice) {
    case Choice::kOrder:
      chooser_.emplace("Sort by", AllColumnNames(),
                       std::vector<std::string>{ColumnName(list_.order().column)}, false);
      break;
    case Choice::kGroups:
      chooser_.emplace("Group by", GroupColumnNames(), NamesOf(list_.group_by()), true);
      break;
    case Choice::kColumns:
      chooser_.emplace("Columns", AllColumnNames(), NamesOf(columns_), true);
      break;
  }
}

void ConsoleModel::ApplyChoice(const std::vector<std::string>& names) {
  std::vector<Column> columns;
  for (const std::string& name : names) {
    if (const auto column = ParseColumn(name); column.ok()) columns.push_back(*column);
  }
  switch (choice_) {
    case Choice::kOrder:
      if (!columns.empty()) list_.SetOrder({columns.front(), AlignsRight(columns.front())});
      break;
    case Choice::kGroups:
      list_.SetGroups(std::move(columns));
      break;
    case Choice::kColumns:
      columns_ = std::move(columns);
      list_.SetColumns(TableColumns(columns_));
      break;
  }
}

bool ConsoleModel::OnScrollKey(const Key& key) {
  if (key.code == Key::Code::kDown || key.Is('j') || key.code == Key::Code::kWheelDown) {
    ++scroll_;
  } else if (key.code == Key::Code::kUp || key.Is('k') || key.code == Key::Code::kWheelUp) {
    scroll_ -= std::min<size_t>(scroll_, 1);
  } else if (key.code == Key::Code::kPageDown) {
    scroll_ += 10;
  } else if (key.code == Key::Code::kPageUp) {
    scroll_ -= std::min<size_t>(scroll_, 10);
  } else if (key.code == Key::Code::kHome) {
    scroll_ = 0;
  } else {
    return key.code == Key::Code::kResize;
  }
  return true;
}

void ConsoleModel::OnTableKey(const Key& key) {
  if (key.Is('/')) {
    detail_.reset();
    page_ = Page::kTable;
    filter_line_.emplace(list_.filter());
  } else if (key.Is('h')) {
    page_ = page_ == Page::kHosts ? Page::kTable : Page::kHosts;
    scroll_ = 0;
  } else if (key.code == Key::Code::kEscape || (key.code == Key::Code::kBackspace)) {
    detail_.reset();
    page_ = Page::kTable;
  } else if (page_ == Page::kHosts) {
    OnScrollKey(key);
  } else if (detail_.has_value()) {
    detail_->OnKey(key);
  } else if (key.Is('s')) {
    OpenChooser(Choice::kOrder);
  } else if (key.Is('g')) {
    OpenChooser(Choice::kGroups);
  } else if (key.Is('c')) {
    OpenChooser(Choice::kColumns);
  } else if (!list_.OnKey(key) && key.code == Key::Code::kEnter) {
    if (const std::optional<RowKey> row = list_.Selected()) detail_.emplace(*row);
  }
}

void ConsoleModel::TableChanged(const FleetTable& table) {
  list_.TableChanged();
  if (detail_.has_value()) detail_->Observe(table);
}

QueryLine ConsoleModel::Query(const FleetTable& table) const {
  const RowOrder& order = list_.order();
  return {.watched = watched_,
          .filter = list_.filter().has_value() ? list_.filter()->text() : "",
          .order = absl::StrCat(ColumnName(order.column), order.descending ? " ▼" : " ▲"),
          .group_by = absl::StrJoin(NamesOf(list_.group_by()), ","),
          .matched = list_.matched(),
          .all = table.size()};
}

void ConsoleModel::DrawHelp(Canvas& canvas, int begin, int end) {
  const absl::Span<const HelpLine> lines = HelpLines();
  const auto room = static_cast<size_t>(std::max(0, end - begin));
  scroll_ = std::min(scroll_, lines.size() > room ? lines.size() - room : 0);
  for (size_t i = scroll_; i < lines.size() && begin < end; ++i, ++begin) {
    const HelpLine& line = lines[i];
    if (line.keys.empty()) {
      canvas.Put(0, begin, line.text, kBoldLook);
    } else {
      canvas.Put(2, begin, line.keys, {.tone = Tone::kAccent, .bold = true});
      canvas.Put(20, begin, line.text);
    }
  }
}

void ConsoleModel::DrawHints(Canvas& canvas, int y) const {
  absl::string_view hints =
      "? help  q quit  / filter  s sort  g group  Enter open  space freeze  h hosts";
  if (page_ == Page::kHelp) hints = "any key: back";
  if (page_ == Page::kHosts) hints = "Esc back  up/down scroll  ? help  q quit";
  if (page_ == Page::kTable && detail_.has_value()) {
    hints = "Esc back  up/down fields  space freeze  [ ] time  ? help  q quit";
  }
  canvas.Put(0, y, hints, kDimLook);
}

void ConsoleModel::Draw(Canvas& canvas, const FleetTable& table, const Moment& moment) {
  const int height = canvas.height();
  if (canvas.width() < kLeastWidth || height < kLeastHeight) {
    canvas.Put(0, 0,
               absl::StrCat("too small: ", canvas.width(), "x", height, ", needs ", kLeastWidth,
                            "x", kLeastHeight));
    return;
  }
  if (page_ == Page::kHelp) {
    DrawHelp(canvas, 0, height - 1);
    DrawHints(canvas, height - 1);
    return;
  }
  const int bottom = height - (filter_line_.has_value() ? FilterLine::kLines : 1);
  const bool lists_hosts = page_ == Page::kTable && !detail_.has_value();
  const int top = DrawHeader(canvas, table.hosts(), moment, Query(table), lists_hosts);
  if (page_ == Page::kHosts) {
    DrawHosts(canvas, top, bottom, table.hosts(), moment, scroll_);
  } else if (detail_.has_value()) {
    detail_->Draw(canvas, top, bottom, table);
  } else {
    list_.Draw(canvas, top, bottom, table);
    canvas.Clear(0, top);  // drawing the list told how many match
    DrawHeader(canvas, table.hosts(), moment, Query(table));
  }
  if (filter_line_.has_value()) {
    filter_line_->Draw(canvas, bottom);
  } else {
    DrawHints(canvas, bottom);
  }
  if (chooser_.has_value()) chooser_->Draw(canvas);
}

}  // namespace tcpfleet::controller
