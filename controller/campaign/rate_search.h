// Searches the highest rate that holds: doubling, bisection, confirmation. Pure.
//
// Single runs err: what is found is confirmed by more runs, and the lowest rate that did not hold
// is tried once more; where one of them is refuted the search goes on from there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

namespace tcpfleet::controller {

struct FoundRate {
  double held = 0;     // 0: none did
  double refuted = 0;  // 0: none did not
  bool exhausted = false;
};

class RateSearch {
 public:
  static constexpr double kLeastRate = 1;
  static constexpr double kMostRate = 1e9;
  // `held` and `refuted` are at most this far apart.
  static constexpr double kPrecision = 0.05;
  static constexpr int kConfirmations = 3;

  // One run; nothing when there must be no other.
  using TryRate = std::function<std::optional<bool>(double rate, bool confirms)>;
  RateSearch(TryRate try_rate, int most_runs)
      : try_rate_(std::move(try_rate)), runs_left_(most_runs) {}

  // Once.
  FoundRate Run(double first_rate);

 private:
  bool may_go_on() const { return !ended_ && runs_left_ > 0; }
  bool Try(double rate, bool confirms);
  // 0 when low_ and high_ are final.
  double NextRate(double first_rate) const;
  // Whether most of the confirming runs hold.
  bool Confirm();
  void DropLow();

  const TryRate try_rate_;
  int runs_left_;
  bool ended_ = false;
  double step_ = 2;
  double low_ = 0;   // holds, as far as is known
  double high_ = 0;  // does not
  std::map<double, int> held_;
  std::map<double, int> refuted_;
};

}  // namespace tcpfleet::controller
