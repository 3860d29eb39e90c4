// Several runs as people read them.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "controller/cli/printer.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

void PrintCampaign(std::ostream& out, const v1::CampaignReport& campaign, int width, bool color);

// One line about a run that has just ended, `number` from 1.
std::string RunLine(int number, const v1::CampaignRun& run);

// One row per run: its totals, behind its label, pair, rate asked for and verdict.
CsvRow CampaignCsvHeader();
std::vector<CsvRow> CampaignCsvRows(const v1::CampaignReport& campaign);

}  // namespace tcpfleet::controller
