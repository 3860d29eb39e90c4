// Rounds in which several programs do the same thing one after the other, so that what the machine
// does meanwhile hits all of them. Who begins alternates: a machine that slows down favours nobody.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/measurement.h"

namespace tcpfleet::bench {

struct Cost {
  double rate = 0;    // operations per second; stream: bits per second
  double cpu_us = 0;  // per operation; stream: per gigabyte
};

class Contest {
 public:
  // `name` begins the names of the rows.
  explicit Contest(std::string name) : name_(std::move(name)) {}

  void Add(std::string contestant, std::function<absl::StatusOr<Cost>()> run) {
    contestants_.emplace_back(std::move(contestant), std::move(run));
  }

  absl::Status Run(int rounds);

  // Of what the contestant `ours` needed to what `other` needed, round by round.
  Measurement Ratio(const std::string& row, double Cost::*what, const std::string& ours,
                    const std::string& other, std::optional<Goal> goal = std::nullopt) const;
  Measurement Value(const std::string& row, double Cost::*what, const std::string& contestant,
                    const std::string& unit) const;

 private:
  const std::string name_;
  std::vector<std::pair<std::string, std::function<absl::StatusOr<Cost>()>>> contestants_;
  std::vector<std::map<std::string, Cost>> rounds_;
};

}  // namespace tcpfleet::bench
