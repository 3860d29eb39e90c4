#include "controller/connections/row_query.h"

#include <limits>
#include <random>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/connections/row_list.h"

namespace tcpfleet::controller {
namespace {

using sockets::Field;
using ::tcpfleet::tests::IsOkAndHolds;
using ::tcpfleet::tests::StatusIs;
using ::testing::ElementsAre;
using Kind = Column::Kind;

std::string Cell(const RowList& list, absl::string_view column, size_t row = 0) {
  return CellText(*ParseColumn(column), *list.rows()[row], list.hosts);
}

std::vector<uint64_t> Cookies(absl::Span<const ConnectionRow* const> rows) {
  std::vector<uint64_t> cookies;
  for (const ConnectionRow* row : rows) cookies.push_back(row->sample->identity.cookie);
  return cookies;
}

std::vector<uint64_t> Sorted(const RowList& list, absl::string_view order, size_t most = 0) {
  return Cookies(
      SelectRows(list.rows(), list.hosts, {.order = *ParseRowOrder(order), .most = most}).rows);
}

TEST(ParseColumn, KnowsFieldsAndWhatIsNoField) {
  EXPECT_THAT(ParseColumn("rtt"), IsOkAndHolds(Column{Kind::kField, Field::kRtt}));
  EXPECT_THAT(ParseColumn("process"), IsOkAndHolds(Column{Kind::kProcess}));
  EXPECT_THAT(ParseColumn("state"), IsOkAndHolds(Column{Kind::kState}));
  EXPECT_THAT(ParseColumn("cwnd"), IsOkAndHolds(Column{Kind::kField, Field::kSndCwnd}));
  EXPECT_THAT(ParseColumn("snd_cwdn"), StatusIs(absl::StatusCode::kInvalidArgument,
                                                "unknown column 'snd_cwdn', did you mean "
                                                "'snd_cwnd'?"));
  EXPECT_THAT(ParseColumn(""), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ParseColumns, DropsRepeats) {
  EXPECT_THAT(ParseColumns("rtt, snd_cwnd,cwnd"),
              IsOkAndHolds(ElementsAre(Column{Kind::kField, Field::kRtt},
                                       Column{Kind::kField, Field::kSndCwnd})));
}

TEST(ColumnName, IsReadByParseColumn) {
  for (uint8_t kind = 0; kind <= static_cast<uint8_t>(Kind::kLimited); ++kind) {
    const Column column{static_cast<Kind>(kind), Field::kRtt};
    if (column.kind != Kind::kField) {
      EXPECT_THAT(ParseColumn(ColumnName({column.kind})), IsOkAndHolds(Column{column.kind}));
    }
  }
  for (const sockets::FieldInfo& info : sockets::AllFields()) {
    if (info.field != Field::kState) {
      EXPECT_EQ(ColumnName(*ParseColumn(info.name)), std::string(info.name));
    }
  }
}

TEST(CellText, HasUnits) {
  RowList list({"web1"});
  sockets::ConnectionSample& sample = list.Add(0, 1, "[::ffff:198.18.0.1]:443", "198.18.0.9:9");
  sample.values.Set(Field::kRtt, 12'345);
  sample.values.Set(Field::kSndCwnd, 10);
  sample.values.Set(Field::kBytesSent, 4'500'000);
  sample.values.Set(Field::kDeliveryRate, 1'250'000);
  sample.values.Set(Field::kSndSsthresh, 0x7fffffff);
  sample.values.Set(Field::kMaxPacingRate, std::numeric_limits<uint64_t>::max());
  sample.values.Set(Field::kLastDataSentAtMs, 96'800);
  sample.values.Set(Field::kTimerExpiresAtMs, 100'200);
  sample.values.Set(Field::kCaState, 4);
  sample.values.Set(Field::kOptions, 3);
  list.hosts[0].last_frame_monotonic_ns = 100'000'000'000;
  EXPECT_EQ(Cell(list, "rtt"), "12.3 ms");
  EXPECT_EQ(Cell(list, "snd_cwnd"), "10");
  EXPECT_EQ(Cell(list, "bytes_sent"), "4.50 MB");
  EXPECT_EQ(Cell(list, "delivery_rate"), "1.25 MB/s");
  EXPECT_EQ(Cell(list, "ssthresh"), "inf");
  EXPECT_EQ(Cell(list, "max_pacing_rate"), "unlimited");
  EXPECT_EQ(Cell(list, "last_data_sent_at_ms"), "3.2s ago");
  EXPECT_EQ(Cell(list, "timer_expires_at_ms"), "in 200ms");
  EXPECT_EQ(Cell(list, "ca_state"), "loss");
  EXPECT_EQ(Cell(list, "options"), "ts sack");
  EXPECT_EQ(Cell(list, "state"), "ESTAB");
  EXPECT_EQ(Cell(list, "host"), "web1");
  EXPECT_EQ(Cell(list, "local"), "[::ffff:198.18.0.1]:443");
  EXPECT_EQ(Cell(list, "laddr"), "198.18.0.1");
  EXPECT_EQ(Cell(list, "lport"), "443");
}

TEST(CellText, SaysWhatIsUnknown) {
  RowList list({"web1"});
  list.Add(0, 1, "198.18.0.1:443", "198.18.0.9:9");
  for (const char* column : {"rtt", "process", "pid", "cgroup", "uid", "cc", "age", "send_rate",
                             "retrans_share", "limited"}) {
    EXPECT_EQ(Cell(list, column), "-") << column;
  }
}

TEST(CellText, SaysWhetherAnAgeIsExact) {
  RowList list({"web1"});
  sockets::ConnectionSample& sample = list.Add(0, 1, "198.18.0.1:443", "198.18.0.9:9");
  list.hosts[0].last_frame_monotonic_ns = 100'000'000'000;
  sample.values.Set(Field::kFirstSeenAtMs, 27'000);
  EXPECT_EQ(Cell(list, "age"), ">1m13s");
  sample.values.Set(Field::kLastDataRecvAtMs, 10'000);
  EXPECT_EQ(Cell(list, "age"), ">1m30s");
  sample.values.Set(Field::kOpeningSeen, 1);
  EXPECT_EQ(Cell(list, "age"), "1m13s");
}

TEST(SelectRows, OrdersByNumbersAndPutsTheUnknownLast) {
  RowList list({"web1", "web2"});
  list.Add(0, 1, "198.18.0.1:1", "198.18.0.9:9").values.Set(Field::kRtt, 5);
  list.Add(0, 2, "198.18.0.1:2", "198.18.0.9:9");
  list.Add(1, 3, "198.18.0.2:3", "198.18.0.9:9").values.Set(Field::kRtt, UINT64_MAX);
  list.Add(1, 4, "198.18.0.2:4", "198.18.0.9:9").values.Set(Field::kRtt, 5);
  EXPECT_THAT(Sorted(list, "rtt"), ElementsAre(1, 4, 3, 2));
  EXPECT_THAT(Sorted(list, "-rtt"), ElementsAre(3, 1, 4, 2));
  EXPECT_THAT(Sorted(list, "-rtt", 2), ElementsAre(3, 1));
  EXPECT_THAT(Sorted(list, "rtt", 4), ElementsAre(1, 4, 3, 2));
  EXPECT_THAT(Sorted(list, "host"), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Sorted(list, "-host"), ElementsAre(3, 4, 1, 2));
  EXPECT_THAT(Sorted(list, "-lport"), ElementsAre(4, 3, 2, 1));
}

TEST(SelectRows, OrdersByRatesTextsAndAddresses) {
  RowList list({"web1"});
  list.Add(0, 1, "[2001:db8::2]:1", "198.18.0.9:9").identity.congestion_control = "cubic";
  list.Add(0, 2, "198.18.0.10:1", "198.18.0.9:9");
  list.Add(0, 3, "198.18.0.9:2", "198.18.0.9:9").identity.congestion_control = "bbr";
  list.Add(0, 4, "198.18.0.9:1", "198.18.0.9:9").identity.congestion_control = "cubic";
  list.row(0).derived.send_rate = 0.5;
  list.row(1).derived.send_rate = 1e9;
  list.row(3).derived.send_rate = 0;
  EXPECT_THAT(Sorted(list, "-send_rate"), ElementsAre(2, 1, 4, 3));
  EXPECT_THAT(Sorted(list, "cc"), ElementsAre(3, 1, 4, 2));
  EXPECT_THAT(Sorted(list, "-cc"), ElementsAre(1, 4, 3, 2));
  EXPECT_THAT(Sorted(list, "local"), ElementsAre(4, 3, 2, 1));
  EXPECT_THAT(Sorted(list, "-local"), ElementsAre(1, 2, 3, 4));
}

TEST(SelectRows, CountsWhatMatchesBeforeItIsCut) {
  RowList list({"web1"});
  for (uint64_t i = 1; i <= 5; ++i)
    list.Add(0, i, "198.18.0.1:1", "198.18.0.9:" + std::to_string(i));
  const filter::Filter filter = *filter::Filter::Parse("dport >= :3");
  const RowSelection selection =
      SelectRows(list.rows(), list.hosts, {.filter = &filter, .most = 2});
  EXPECT_EQ(selection.matched, 3u);
  EXPECT_THAT(Cookies(selection.rows), ElementsAre(3, 4));
}

TEST(SelectRows, BeginsWhereItIsTold) {
  RowList list({"web1"});
  for (uint64_t i = 1; i <= 6; ++i) {
    sockets::ConnectionSample& sample = list.Add(0, i, "198.18.0.1:1", "198.18.0.9:9");
    if (i > 2) sample.values.Set(Field::kRtt, 10 - i);
  }
  const auto rows = [&](const char* order, size_t from, size_t most) {
    const RowSelection selection = SelectRows(
        list.rows(), list.hosts, {.order = *ParseRowOrder(order), .most = most, .from = from});
    EXPECT_EQ(selection.matched, 6u);
    EXPECT_LE(selection.begin, from);
    return Cookies(selection.rows);
  };
  EXPECT_THAT(rows("rtt", 1, 2), ElementsAre(5, 4));
  EXPECT_THAT(rows("rtt", 3, 2), ElementsAre(3, 1)) << "the unknown are last";
  EXPECT_THAT(rows("rtt", 4, 2), ElementsAre(1, 2));
  EXPECT_THAT(rows("rtt", 99, 2), ElementsAre(1, 2)) << "no rows come after the last";
  EXPECT_THAT(rows("rtt", 1, 99), ElementsAre(6, 5, 4, 3, 1, 2));
  EXPECT_THAT(rows("host", 2, 2), ElementsAre(3, 4));
}

TEST(SelectRows, FindsThePlaceOfARow) {
  std::mt19937 random(1);
  RowList list({"web1"});
  for (uint64_t i = 0; i < 200; ++i) {
    sockets::ConnectionSample& sample = list.Add(0, i, "198.18.0.1:1", "198.18.0.9:9");
    if (random() % 4 != 0) sample.values.Set(Field::kRtt, random() % 20);
  }
  for (const char* const order : {"rtt", "-rtt", "host", "local"}) {
    const std::vector<uint64_t> all = Sorted(list, order);
    for (uint64_t cookie = 0; cookie < 200; ++cookie) {
      const RowSelection selection =
          SelectRows(list.rows(), list.hosts,
                     {.order = *ParseRowOrder(order), .most = 10, .around = &list.row(cookie)});
      ASSERT_TRUE(selection.place.has_value());
      EXPECT_EQ(all[*selection.place], cookie) << order;
      EXPECT_LE(selection.begin, *selection.place);
      EXPECT_GT(selection.begin + 10, *selection.place);
      const auto begin = all.begin() + static_cast<ptrdiff_t>(selection.begin);
      EXPECT_EQ(Cookies(selection.rows), std::vector<uint64_t>(begin, begin + 10)) << order;
    }
  }
}

TEST(SelectRows, HasNoPlaceForARowThatDoesNotMatch) {
  RowList list({"web1"});
  for (uint64_t i = 1; i <= 4; ++i) {
    list.Add(0, i, "198.18.0.1:1", "198.18.0.9:" + std::to_string(i));
  }
  const filter::Filter filter = *filter::Filter::Parse("dport >= :2");
  const RowSelection selection = SelectRows(
      list.rows(), list.hosts, {.filter = &filter, .most = 2, .from = 1, .around = &list.row(0)});
  EXPECT_EQ(selection.place, std::nullopt);
  EXPECT_THAT(Cookies(selection.rows), ElementsAre(3, 4));
}

TEST(SelectRows, FiltersByWhatTheHostAndTheIntervalSay) {
  RowList list({"web1", "db1"});
  list.Add(0, 1, "198.18.0.1:1", "198.18.0.9:9");
  list.Add(1, 2, "198.18.0.2:1", "198.18.0.9:9");
  list.row(1).derived.limited = sockets::Limit::kReceiver;
  const auto matching = [&](const char* text) {
    const filter::Filter filter = *filter::Filter::Parse(text);
    return Cookies(SelectRows(list.rows(), list.hosts, {.filter = &filter}).rows);
  };
  EXPECT_THAT(matching("host = db*"), ElementsAre(2));
  EXPECT_THAT(matching("limited = receiver"), ElementsAre(2));
}

TEST(GroupRows, FoldsRowsByWhatTheColumnsShow) {
  RowList list({"web1", "web2"});
  list.Add(0, 1, "198.18.0.1:443", "198.18.0.8:1").values.Set(Field::kRtt, 10);
  list.Add(0, 2, "198.18.0.1:443", "198.18.0.8:2").values.Set(Field::kRtt, 30);
  list.Add(0, 3, "198.18.0.1:443", "[::ffff:198.18.0.8]:3").values.Set(Field::kRtt, 20);
  list.Add(1, 4, "198.18.0.2:80", "198.18.0.8:4").values.Set(Field::kTotalRetrans, 7);
  list.row(0).derived.send_rate = 5;
  const std::vector<RowGroup> groups =
      GroupRows(list.rows(), *ParseColumns("host,lport,paddr"), list.hosts);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_THAT(groups[0].keys, ElementsAre("web1", "443", "198.18.0.8"));
  EXPECT_THAT(Cookies(groups[0].rows), ElementsAre(1, 2, 3));
  EXPECT_EQ(groups[0].send_rate, 5);
  EXPECT_EQ(groups[0].rtt_us_p50, 20);
  EXPECT_EQ(groups[0].rtt_us_max, 30);
  EXPECT_THAT(groups[1].keys, ElementsAre("web2", "80", "198.18.0.8"));
  EXPECT_EQ(groups[1].retransmits, 7u);
  EXPECT_EQ(groups[1].rtt_us_p50, std::nullopt);
}

TEST(GroupRows, KeepsTheUnknownApart) {
  RowList list({"web1"});
  list.Add(0, 1, "198.18.0.1:1", "198.18.0.9:9").identity.uid = 0;
  list.Add(0, 2, "198.18.0.1:2", "198.18.0.9:9");
  const std::vector<RowGroup> groups = GroupRows(list.rows(), *ParseColumns("uid"), list.hosts);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_THAT(groups[0].keys, ElementsAre("-"));
  EXPECT_THAT(groups[1].keys, ElementsAre("0"));
}

}  // namespace
}  // namespace tcpfleet::controller
