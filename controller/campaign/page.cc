#include "controller/campaign/page.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_replace.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cmath>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/stats/histogram_proto.h"
#include "controller/campaign/web_files.h"

namespace tcpfleet::controller {
namespace {

// Points of a latency curve: fine where people look, at the slow end.
constexpr double kLeastTail = 1e-7;
constexpr int kPointsPerDecade = 24;

// [[percent, microseconds], ...] of a histogram in nanoseconds, up to its last whole operation.
std::string CurvePoints(const stats::Histogram& histogram) {
  std::string points;
  const auto add = [&](double percent, double ns) {
    absl::StrAppendFormat(&points, "%s[%.7g,%.6g]", points.empty() ? "" : ",", percent, ns / 1e3);
  };
  add(0, static_cast<double>(histogram.min()));
  const double least = std::max(kLeastTail, 1 / static_cast<double>(histogram.count()));
  for (int step = 1;; ++step) {
    const double tail = std::pow(10, -static_cast<double>(step) / kPointsPerDecade);
    if (tail < least) break;
    add(100 * (1 - tail), histogram.Percentile(100 * (1 - tail)));
  }
  add(100 * (1 - least / 2), static_cast<double>(histogram.max()));
  return points;
}

absl::StatusOr<std::string> Curves(const v1::SavedRun& saved) {
  std::string curves;
  for (const char* const name :
       {"responseLatency", "serviceLatency", "sendLateness", "connectLatency"}) {
    stats::Histogram histogram;
    for (const v1::SavedHistogram& named : saved.histograms()) {
      if (named.name() != name) continue;
      const absl::Status added = stats::AddDelta(named.histogram(), histogram);
      if (!added.ok()) return base::WithContext(absl::StrCat("histogram ", name), added);
    }
    if (histogram.count() == 0) continue;
    absl::StrAppend(&curves, curves.empty() ? "" : ",", "{\"name\":\"", name, "\",\"points\":[",
                    CurvePoints(histogram), "]}");
  }
  return curves;
}

// Nothing in it ends a script element or begins a comment, whatever hosts call themselves.
std::string Inert(const std::string& json) {
  return absl::StrReplaceAll(json, {{"<", "\\u003c"},
                                    {">", "\\u003e"},
                                    {"&", "\\u0026"},
                                    {"\xe2\x80\xa8", "\\u2028"},
                                    {"\xe2\x80\xa9", "\\u2029"}});
}

}  // namespace

absl::StatusOr<std::string> PageData(const v1::SavedRun& saved) {
  TF_ASSIGN_OR_RETURN(const std::string curves, Curves(saved));
  v1::SavedRun shown = saved;
  shown.clear_histograms();
  std::string json;
  const auto converted = google::protobuf::util::MessageToJsonString(shown, &json);
  if (!converted.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("report: ", std::string(converted.message())));
  }
  return Inert(absl::StrCat("{\"saved\":", json, ",\"curves\":[", curves, "]}"));
}

absl::StatusOr<std::string> HtmlPage(const v1::SavedRun& saved) {
  TF_ASSIGN_OR_RETURN(const std::string data, PageData(saved));
  // One pass: what is filled in is not looked at again.
  return absl::StrReplaceAll(kPageHtml, {{"{{style}}", kPageCss},
                                         {"{{charts}}", kChartsJs},
                                         {"{{script}}", kPageJs},
                                         {"{{data}}", data}});
}

}  // namespace tcpfleet::controller
