#include "controller/monitor/series_store.h"

#include "controller/monitor/pattern.h"

namespace tcpfleet::controller {

void SeriesStore::Record(const std::string& host, absl::Time time,
                         absl::Span<const SeriesReading> readings) {
  for (const SeriesReading& reading : readings) {
    const auto index = static_cast<size_t>(reading.series - SeriesDefinitions().data());
    const Key key(host, reading.network_namespace, index);
    auto history = histories_.find(key);
    if (history == histories_.end()) {
      if (histories_.size() == kMostSeries) {
        ++dropped_;
        continue;
      }
      history = histories_.try_emplace(key, reading.series->resolution, window_, interval_).first;
    }
    if (reading.unknown.empty()) {
      history->second.Record(time, reading.Largest());
    } else {
      history->second.RecordUnknown(reading.unknown);
    }
  }
}

void SeriesStore::RecordFailure(const std::string& host, const std::string& why) {
  for (auto it = histories_.lower_bound({host, "", 0});
       it != histories_.end() && std::get<0>(it->first) == host; ++it) {
    it->second.RecordUnknown(why);
  }
}

std::vector<v1::SeriesSummary> SeriesStore::Summaries(const std::string& host) const {
  std::vector<v1::SeriesSummary> summaries;
  for (auto it = histories_.lower_bound({host, "", 0});
       it != histories_.end() && std::get<0>(it->first) == host; ++it) {
    const SeriesDefinition& definition = SeriesDefinitions()[std::get<2>(it->first)];
    v1::SeriesSummary& summary = summaries.emplace_back();
    summary.set_name(std::string(definition.name));
    summary.set_unit(std::string(definition.unit));
    summary.set_network_namespace(std::get<1>(it->first));
    it->second.Summarize(summary);
    *summary.mutable_pattern() = FindPattern(it->second.recent(), definition.least_change);
  }
  return summaries;
}

}  // namespace tcpfleet::controller
