#include "controller/tui/connection_list.h"

#include <absl/strings/str_join.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "controller/tui/group_order.h"

namespace tcpfleet::controller {
namespace {

constexpr Look kSelectedLook{.reverse = true};
constexpr int kIndent = 2;  // of the rows of a group

std::string NameOf(const RowGroup& group) { return absl::StrJoin(group.keys, "\x1f"); }

}  // namespace

RowKey KeyOf(const ConnectionRow& row) {
  const sockets::ConnectionIdentity& identity = row.sample->identity;
  return {row.host, identity.network_namespace, identity.cookie};
}

const ConnectionRow* FindRow(const FleetTable& table, const RowKey& key) {
  return table.Find(key.host, key.cookie, key.network_namespace);
}

ConnectionList::ConnectionList(const RowOrder& order, std::vector<Column> group_by,
                               std::vector<TableColumn> columns)
    : order_(order), group_by_(std::move(group_by)), painter_(std::move(columns)) {}

bool ConnectionList::OnKey(const Key& key) { return Navigate(key) || Sort(key) || Fold(key); }

// The query is another one: what was followed still is, the rest starts at the top.
void ConnectionList::Requery() {
  outdated_ = true;
  if (std::holds_alternative<std::monostate>(followed_)) cursor_ = top_ = 0;
}

void ConnectionList::SetFilter(std::optional<filter::Filter> filter) {
  filter_ = std::move(filter);
  Requery();
}

void ConnectionList::SetOrder(const RowOrder& order) {
  order_ = order;
  Requery();
}

void ConnectionList::SetGroups(std::vector<Column> group_by) {
  group_by_ = std::move(group_by);
  unfolded_.clear();
  followed_ = {};
  Requery();
}

ConnectionList::LineKey ConnectionList::KeyOfLine(const Line& line) {
  if (line.row != nullptr) return KeyOf(*line.row);
  if (line.group != nullptr) return NameOf(*line.group);
  return {};
}

ConnectionList::LineKey ConnectionList::UnderCursor() const {
  return cursor_ >= top_ && cursor_ - top_ < drawn_.size() ? drawn_[cursor_ - top_] : LineKey();
}

std::optional<RowKey> ConnectionList::Selected() const {
  const LineKey key = UnderCursor();
  return std::holds_alternative<RowKey>(key) ? std::optional(std::get<RowKey>(key)) : std::nullopt;
}

bool ConnectionList::Navigate(const Key& key) {
  const int page = static_cast<int>(page_);
  if (key.code == Key::Code::kUp || key.Is('k')) {
    Move(-1);
  } else if (key.code == Key::Code::kDown || key.Is('j')) {
    Move(1);
  } else if (key.code == Key::Code::kPageUp || key.IsControl('b')) {
    Move(-page);
  } else if (key.code == Key::Code::kPageDown || key.IsControl('f')) {
    Move(page);
  } else if (key.code == Key::Code::kWheelUp) {
    Move(-3);
  } else if (key.code == Key::Code::kWheelDown) {
    Move(3);
  } else if (key.Is('G')) {
    Move(std::numeric_limits<int>::max());
  } else if (key.code == Key::Code::kHome) {
    cursor_ = top_ = 0;
    followed_ = {};
    follow_cursor_ = false;
    outdated_ = true;
  } else if (key.code == Key::Code::kClick) {
    Click(key.y);
  } else {
    return false;
  }
  return true;
}

void ConnectionList::Move(int by) {
  if (total_ == 0) return;
  const auto target = static_cast<int64_t>(cursor_) + by;
  cursor_ = static_cast<size_t>(std::clamp<int64_t>(target, 0, static_cast<int64_t>(total_) - 1));
  const bool seen = cursor_ >= top_ && cursor_ - top_ < drawn_.size();
  if (seen) {
    followed_ = drawn_[cursor_ - top_];  // also when the table has changed since
  } else {
    follow_cursor_ = true;
  }
}

void ConnectionList::Click(int y) {
  const int line = y - first_y_;
  if (line < 0 || static_cast<size_t>(line) >= drawn_.size()) return;
  cursor_ = top_ + static_cast<size_t>(line);
  followed_ = drawn_[static_cast<size_t>(line)];
}

bool ConnectionList::Sort(const Key& key) {
  if (key.Is('r')) {
    SetOrder({order_.column, !order_.descending});
    return true;
  }
  if (!key.Is('<') && !key.Is('>')) return false;
  const std::vector<Column> shown = painter_.ShownColumns();
  if (shown.empty()) return true;
  const auto now = std::find(shown.begin(), shown.end(), order_.column);
  const size_t last = shown.size() - 1;
  size_t index = static_cast<size_t>(now - shown.begin());
  if (now == shown.end()) {
    index = key.Is('<') ? last : 0;
  } else if (key.Is('<')) {
    index = index == 0 ? last : index - 1;
  } else {
    index = index == last ? 0 : index + 1;
  }
  // Numbers are interesting when they are large.
  SetOrder({shown[index], AlignsRight(shown[index])});
  return true;
}

bool ConnectionList::Fold(const Key& key) {
  if (group_by_.empty()) return false;
  const LineKey line = UnderCursor();
  const std::string* const name = std::get_if<std::string>(&line);
  const bool unfolded = name != nullptr && unfolded_.contains(*name);
  if (key.Is('E')) {
    for (const RowGroup& group : groups_) unfolded_.insert(NameOf(group));
  } else if (key.Is('F')) {
    unfolded_.clear();
  } else if (name != nullptr && unfolded &&
             (key.code == Key::Code::kEnter || key.code == Key::Code::kLeft)) {
    unfolded_.erase(*name);
  } else if (name != nullptr && !unfolded &&
             (key.code == Key::Code::kEnter || key.code == Key::Code::kRight)) {
    unfolded_.insert(*name);
  } else {
    return false;
  }
  outdated_ = true;
  return true;
}

bool ConnectionList::HasLines(size_t begin, size_t end) const {
  return begin >= first_line_ && std::min(end, total_) <= first_line_ + lines_.size();
}

// Around the row that is followed or, without one, around the cursor.
void ConnectionList::SelectRowLines(const FleetTable& table) {
  const RowKey* const key = follow_cursor_ ? nullptr : std::get_if<RowKey>(&followed_);
  const RowSelection selection =
      SelectRows(table, {.filter = filter_.has_value() ? &*filter_ : nullptr,
                         .order = order_,
                         .most = 4 * page_,
                         .from = cursor_ - std::min(cursor_, 2 * page_),
                         .around = key != nullptr ? FindRow(table, *key) : nullptr});
  lines_.clear();
  for (const ConnectionRow* const row : selection.rows) lines_.push_back({.row = row});
  first_line_ = selection.begin;
  total_ = matched_ = selection.matched;
}

void ConnectionList::SelectGroupLines(const FleetTable& table) {
  RowSelection selection = SelectRows(table, {.filter = filter_.has_value() ? &*filter_ : nullptr});
  matched_ = selection.matched;
  groups_ = GroupRows(selection.rows, group_by_, table.hosts());
  SortGroups(absl::MakeSpan(groups_), group_by_, order_);
  lines_.clear();
  for (RowGroup& group : groups_) {
    lines_.push_back({.group = &group});
    if (!unfolded_.contains(NameOf(group))) continue;
    lines_.push_back({});
    group.rows = SelectRows(std::move(group.rows), table.hosts(), {.order = order_}).rows;
    for (const ConnectionRow* const row : group.rows) lines_.push_back({.row = row});
  }
  first_line_ = 0;
  total_ = lines_.size();
}

void ConnectionList::SelectLines(const FleetTable& table) {
  outdated_ = false;
  if (group_by_.empty()) {
    groups_.clear();
    SelectRowLines(table);
  } else {
    SelectGroupLines(table);
  }
  if (std::holds_alternative<std::monostate>(followed_) || follow_cursor_) return;
  const auto found = std::find_if(lines_.begin(), lines_.end(), [this](const Line& line) {
    return KeyOfLine(line) == followed_;
  });
  if (found != lines_.end()) {
    cursor_ = first_line_ + static_cast<size_t>(found - lines_.begin());
  } else {
    followed_ = {};
    follow_cursor_ = cursor_ > 0;  // it is gone: go on with what stands in its place
  }
}

void ConnectionList::ScrollToCursor() {
  cursor_ = std::min(cursor_, total_ == 0 ? 0 : total_ - 1);
  if (cursor_ < top_) top_ = cursor_;
  if (cursor_ >= top_ + page_) top_ = cursor_ + 1 - page_;
  top_ = std::min(top_, total_ > page_ ? total_ - page_ : 0);
}

void ConnectionList::Select(const FleetTable& table) {
  if (outdated_) SelectLines(table);
  ScrollToCursor();
  if (HasLines(top_, top_ + page_)) return;
  SelectLines(table);
  ScrollToCursor();
}

void ConnectionList::Draw(Canvas& canvas, int begin, int end, const FleetTable& table) {
  canvas.Clear(begin, end);
  if (end - begin < 2) return;
  page_ = static_cast<size_t>(end - begin - 1);
  first_y_ = begin + 1;
  Select(table);

  const absl::Span<const Line> visible =
      absl::MakeConstSpan(lines_).subspan(std::min(top_ - first_line_, lines_.size()), page_);
  std::vector<const ConnectionRow*> rows;
  for (const Line& line : visible) {
    if (line.row != nullptr) rows.push_back(line.row);
  }
  painter_.Fit(rows, groups_, table.hosts(), canvas.width() - (group_by_.empty() ? 0 : kIndent));
  if (group_by_.empty()) {
    painter_.DrawTitles(canvas, begin, 0, order_, kTitleLook);
  } else {
    painter_.DrawGroupTitles(canvas, begin, group_by_);
  }
  canvas.SetLineLook(begin, kTitleLook);
  drawn_.clear();
  for (const Line& line : visible) DrawLine(canvas, line, table);
  if (follow_cursor_) followed_ = UnderCursor();
  follow_cursor_ = false;
}

void ConnectionList::DrawLine(Canvas& canvas, const Line& line, const FleetTable& table) {
  const int y = first_y_ + static_cast<int>(drawn_.size());
  const int indent = group_by_.empty() ? 0 : kIndent;
  if (line.group != nullptr) {
    painter_.DrawGroup(canvas, y, *line.group, unfolded_.contains(NameOf(*line.group)), group_by_);
  } else if (line.row != nullptr) {
    painter_.DrawRow(canvas, y, indent, *line.row, table.hosts());
  } else {
    painter_.DrawTitles(canvas, y, indent, order_, kDimLook);
  }
  if (top_ + drawn_.size() == cursor_) canvas.SetLineLook(y, kSelectedLook);
  drawn_.push_back(KeyOfLine(line));
}

}  // namespace tcpfleet::controller
