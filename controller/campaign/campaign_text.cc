#include "controller/campaign/campaign_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <cmath>

#include "common/base/units.h"
#include "controller/campaign/headline.h"
#include "controller/campaign/run_log.h"
#include "controller/cli/color.h"
#include "controller/cli/table.h"
#include "controller/cli/text.h"
#include "controller/fleet/failure.h"
#include "controller/stress/report_csv.h"

namespace tcpfleet::controller {
namespace {

constexpr const char* kUnknown = "-";
using Align = Table::Align;

std::string RateText(double rate) { return absl::StrCat(base::FormatCount(rate), "/s"); }

Style VerdictStyle(absl::string_view verdict) {
  return verdict == "PASS" ? Style::kGreen : verdict == "PARTIAL" ? Style::kYellow : Style::kRed;
}

std::string ResponseText(const v1::StressReport& report) {
  const v1::RunResult& total = report.total();
  const v1::Distribution& shown = total.response_latency_us().count() > 0
                                      ? total.response_latency_us()
                                      : total.connect_latency_us();
  return shown.has_p99() ? base::FormatMicroseconds(shown.p99()) : kUnknown;
}

Cell OutcomeOf(const v1::CampaignRun& run) {
  if (run.has_holds()) {
    return run.holds() ? Cell("holds", Style::kGreen) : Cell("does not hold", Style::kRed);
  }
  return {run.report().verdict(), VerdictStyle(run.report().verdict())};
}

// What the bounds are about, of a run: "connectLatencyUs.p99 1.2 ms".
std::string ObservedText(const v1::StressReport& report) {
  std::string text;
  for (const v1::ThresholdResult& threshold : report.thresholds()) {
    if (!threshold.has_observed()) continue;
    const std::string path =
        threshold.expression().substr(0, threshold.expression().find_first_of(" <>=!"));
    absl::StrAppend(&text, text.empty() ? "" : ", ", TitleOf(path), " ",
                    NumberText(path, threshold.observed()));
  }
  return text;
}

std::string NoteOf(const v1::CampaignRun& run) {
  if (!run.note().empty()) return run.note();
  if (run.has_holds()) return ObservedText(run.report());
  return run.report().verdict() == "PASS" ? "" : run.report().verdict_reason();
}

class CampaignPrinter {
 public:
  CampaignPrinter(std::ostream& out, const v1::CampaignReport& campaign, int width, bool color)
      : out_(out), campaign_(campaign), width_(width), color_(color) {}

  void Print() {
    PrintRuns();
    PrintNumbers(campaign_.numbers());
    PrintNumbers(campaign_.maximum().observed());
    PrintComparisons();
    PrintDifferences();
    PrintAgentFailures();
    out_ << "verdict    "
         << Styled(VerdictStyle(campaign_.verdict()), Printable(campaign_.verdict()), color_)
         << "  " << Printable(campaign_.verdict_reason()) << "\n";
  }

 private:
  void Print(const Table& table) {
    if (table.empty()) return;
    table.Print(out_, width_, color_);
    out_ << "\n";
  }

  void PrintRuns() {
    const bool searched = campaign_.kind() == "find-max";
    std::vector<Table::Column> columns{{"RUN", Align::kRight}, {"KIND"}};
    if (searched) columns.push_back({"ASKED", Align::kRight});
    columns.push_back({"ACHIEVED", Align::kRight});
    columns.push_back({"P99", Align::kRight});
    columns.push_back({"OUTCOME"});
    columns.push_back({"NOTE"});
    Table table(columns);
    int number = 0;
    for (const v1::CampaignRun& run : campaign_.runs()) {
      std::vector<Cell> cells{absl::StrCat(++number), run.label()};
      if (searched) {
        cells.emplace_back(run.has_requested_rate_per_second()
                               ? RateText(run.requested_rate_per_second())
                               : kUnknown);
      }
      cells.emplace_back(RateText(run.report().total().rate_per_second()));
      cells.emplace_back(ResponseText(run.report()));
      cells.push_back(OutcomeOf(run));
      cells.emplace_back(NoteOf(run));
      table.AddRow(std::move(cells));
    }
    Print(table);
  }

  void PrintNumbers(const google::protobuf::RepeatedPtrField<v1::NumberSpread>& numbers) {
    Table table({{"NUMBER"},
                 {"MEDIAN", Align::kRight},
                 {"MIN", Align::kRight},
                 {"MAX", Align::kRight},
                 {"VARIATION", Align::kRight},
                 {"RUNS", Align::kRight}});
    for (const v1::NumberSpread& number : numbers) {
      table.AddRow(
          {TitleOf(number.name()), NumberText(number.name(), number.median()),
           NumberText(number.name(), number.min()), NumberText(number.name(), number.max()),
           number.has_variation_percent() ? absl::StrFormat("%.1f%%", number.variation_percent())
                                          : kUnknown,
           absl::StrCat(number.runs())});
    }
    Print(table);
  }

  void PrintComparisons() {
    Table table({{"NUMBER"},
                 {"A", Align::kRight},
                 {"B", Align::kRight},
                 {"B/A", Align::kRight},
                 {"INTERVAL", Align::kRight},
                 {"CONCLUSION"}});
    for (const v1::NumberComparison& number : campaign_.comparisons()) {
      table.AddRow({TitleOf(number.name()), NumberText(number.name(), number.median_a()),
                    NumberText(number.name(), number.median_b()),
                    number.has_ratio() ? absl::StrFormat("%.3f", number.ratio()) : kUnknown,
                    number.has_ratio_low()
                        ? absl::StrFormat("%.3f-%.3f (%.3g%%)", number.ratio_low(),
                                          number.ratio_high(), number.confidence_percent())
                        : kUnknown,
                    Conclusion(number)});
    }
    Print(table);
  }

  Cell Conclusion(const v1::NumberComparison& number) const {
    if (number.conclusive()) {
      return {absl::StrFormat("B is %.1f%% %s", 100 * std::fabs(number.ratio() - 1),
                              number.ratio() > 1 ? "higher" : "lower"),
              Style::kBold};
    }
    if (number.has_ratio_low()) return {"NOT CONCLUSIVE", Style::kYellow};
    if (!number.has_ratio()) return {"NOT CONCLUSIVE: a 0 has no ratio", Style::kYellow};
    return {campaign_.kind() == "ab" ? "NOT CONCLUSIVE: needs 6 pairs"
                                     : "NOT CONCLUSIVE: needs 2 runs of each",
            Style::kYellow};
  }

  void PrintDifferences() {
    Table table({{"DIFFERS"}, {"A"}, {"B"}});
    for (const v1::Difference& difference : campaign_.differences()) {
      table.AddRow({difference.what(), difference.a().empty() ? kUnknown : difference.a(),
                    difference.b().empty() ? kUnknown : difference.b()});
    }
    Print(table);
  }

  // Of the run that ended the campaign, if one did.
  void PrintAgentFailures() {
    if (campaign_.runs().empty()) return;
    const auto& failures = campaign_.runs().rbegin()->report().failures();
    for (const std::string& line :
         FailureLines(std::vector<v1::AgentFailure>(failures.begin(), failures.end()))) {
      out_ << "agent      " << Styled(Style::kRed, Printable(line), color_) << "\n";
    }
  }

  std::ostream& out_;
  const v1::CampaignReport& campaign_;
  const int width_;
  const bool color_;
};

}  // namespace

void PrintCampaign(std::ostream& out, const v1::CampaignReport& campaign, int width, bool color) {
  CampaignPrinter(out, campaign, width, color).Print();
}

std::string RunLine(int number, const v1::CampaignRun& run) {
  const std::string note = NoteOf(run);
  return absl::StrCat("run ", number, " (", run.label(), ")",
                      run.has_requested_rate_per_second()
                          ? absl::StrCat(" at ", RateText(run.requested_rate_per_second()))
                          : "",
                      ": ", RateText(run.report().total().rate_per_second()), ", p99 ",
                      ResponseText(run.report()), ", ", OutcomeOf(run).text,
                      note.empty() ? "" : absl::StrCat(": ", note));
}

CsvRow CampaignCsvHeader() {
  CsvRow row{"run", "kind", "pair", "requestedRatePerSecond", "outcome", "note"};
  for (std::string& column : StressCsvHeader()) row.push_back(std::move(column));
  return row;
}

std::vector<CsvRow> CampaignCsvRows(const v1::CampaignReport& campaign) {
  std::vector<CsvRow> rows;
  for (const v1::CampaignRun& run : campaign.runs()) {
    CsvRow row{
        absl::StrCat(rows.size() + 1),
        run.label(),
        run.pair() > 0 ? absl::StrCat(run.pair()) : "",
        run.has_requested_rate_per_second() ? absl::StrCat(run.requested_rate_per_second()) : "",
        OutcomeOf(run).text,
        NoteOf(run)};
    const CsvRow total = StressCsvRows(run.report()).back();
    row.insert(row.end(), total.begin(), total.end());
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace tcpfleet::controller
