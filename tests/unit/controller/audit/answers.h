// Agents' answers, short to write.
#pragma once

#include <string>
#include <vector>

#include "controller/audit/sysctl_readings.h"
#include "controller/fleet/fleet.h"

namespace tcpfleet::controller {

inline v1::Sysctl Sysctl(const std::string& key, const std::string& value) {
  v1::Sysctl sysctl;
  sysctl.set_key(key);
  sysctl.set_value(value);
  return sysctl;
}

inline void SetBy(const std::string& file, const std::string& value, v1::PersistedSysctl& to) {
  to.mutable_winner()->set_file(file);
  to.mutable_winner()->set_line(1);
  to.mutable_winner()->set_value(value);
}

inline SysctlReading Reading(std::vector<v1::Sysctl> sysctls) {
  SysctlReading reading;
  reading.sysctls = SysctlList(std::move(sysctls));
  return reading;
}

inline std::vector<FleetMember> Members(const std::vector<std::string>& names) {
  std::vector<FleetMember> members;
  for (const std::string& name : names) {
    FleetMember& member = members.emplace_back();
    member.target.name = name;
    member.target.address = name + ":7117";
  }
  return members;
}

}  // namespace tcpfleet::controller
