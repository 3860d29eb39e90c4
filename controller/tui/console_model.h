// The console without its terminal: what every key does, and what the screen shows.
//
// Threads: not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/connections/fleet_table.h"
#include "controller/connections/row_query.h"
#include "controller/tui/canvas.h"
#include "controller/tui/chooser.h"
#include "controller/tui/connection_detail.h"
#include "controller/tui/connection_list.h"
#include "controller/tui/filter_line.h"
#include "controller/tui/header.h"
#include "controller/tui/key.h"
#include "controller/tui/moment.h"

namespace tcpfleet::controller {

inline constexpr int kLeastWidth = 40;
inline constexpr int kLeastHeight = 10;

struct ConsoleSettings {
  std::string watched;                   // filter the agents apply; empty: all
  std::optional<filter::Filter> filter;  // as if typed here
  RowOrder order{.column = {.kind = Column::Kind::kSendRate}, .descending = true};
  std::vector<Column> group_by;
  std::vector<Column> columns;  // empty: what people look at first
};

class ConsoleModel {
 public:
  explicit ConsoleModel(ConsoleSettings settings);

  // What a key wants that is not the model's own to do.
  enum class Request {
    kNone,
    kQuit,
    kSuspend,
    kRedraw,  // the terminal's content is in disorder
    kPause,   // or go on
    kBackOne,
    kForwardOne,
    kBackTen,
    kForwardTen,
    kToEnd,
    kFaster,
    kSlower,
  };
  Request OnKey(const Key& key);

  // After every entry the table took, and when it was replaced.
  void TableChanged(const FleetTable& table);

  void Draw(Canvas& canvas, const FleetTable& table, const Moment& moment);

 private:
  enum class Page { kTable, kHosts, kHelp };
  enum class Choice { kOrder, kGroups, kColumns };

  Request OnTimeKey(const Key& key) const;
  void OnFilterKey(const Key& key);
  void OnChooserKey(const Key& key);
  bool OnScrollKey(const Key& key);
  void OnTableKey(const Key& key);
  void OpenChooser(Choice choice);
  void ApplyChoice(const std::vector<std::string>& names);

  void DrawHelp(Canvas& canvas, int begin, int end);
  void DrawHints(Canvas& canvas, int y) const;
  QueryLine Query(const FleetTable& table) const;

  const std::string watched_;
  ConnectionList list_;
  std::vector<Column> columns_;  // chosen ones; empty: the default
  Page page_ = Page::kTable;
  size_t scroll_ = 0;  // of hosts and help
  std::optional<ConnectionDetail> detail_;
  std::optional<FilterLine> filter_line_;
  std::optional<Chooser> chooser_;
  Choice choice_ = Choice::kOrder;
};

}  // namespace tcpfleet::controller
