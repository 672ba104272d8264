// Every word of the map file, in both languages. Names of kinds, categories and columns come with the data.
"use strict";
const WORDS = {
  zh: {
    other: "English", search: "搜索小区、设施名称", nothing: "没有找到",
    colourBy: "小区着色", byDistrict: "片区方案", byMissing: "缺失设施数", byCategory: "按设施类别", byPlain: "不着色",
    layers: "图层", legend: "图例", estates: "小区", households: "户", people: "人", districts: "片区",
    leftOut: "未编入片区", noPlan: "不在方案内", missingNone: "不缺", missingUnit: "类", notMeasured: "未评估",
    covered: "步行可达", gap: "缺口", unlinked: "未接入路网", "no-data": "无数据",
    headGap: (zh) => zh + "有缺口的小区", inBrackets: (text) => "（" + text + "）", unknownPeople: (n) => n + " 个小区人口未知，未计入",
    estimated: "（按户数估算）", unknown: "未知", limit: "标准", walk: "步行", nearest: "最近", must: "应配", may: "宜配",
    beyond: "搜索范围内没有", rule: "标准", date: "日期", source: "资料来源", basis: "口径", metres: "米", minutes: "分钟",
    district: "片区", estateOf: (n) => n + " 个小区", close: "关闭", panel: "面板", unverified: "条文待核",
    year: "年", area: "平方米", yuan: "元", north: "北", noCoverage: "缺少道路图层，未做步行评估",
    status: { optimal: "最优（已证明）", feasible: "可行", infeasible: "无解", unknown: "未定" },
    group: { elderly: "养老", childcare: "托幼", health: "医疗", education: "教育", service: "服务", commerce: "商业",
      culture: "文化", sport: "体育", green: "绿地", sanitation: "环卫", transport: "交通", other: "其他" },
  },
  en: {
    other: "中文", search: "Search estates and facilities", nothing: "Nothing found",
    colourBy: "Colour estates by", byDistrict: "District plan", byMissing: "Missing services", byCategory: "One category", byPlain: "Nothing",
    layers: "Layers", legend: "Legend", estates: "estates", households: "households", people: "people", districts: "districts",
    leftOut: "Left out of the plan", noPlan: "Not in the plan", missingNone: "none missing", missingUnit: "missing", notMeasured: "not measured",
    covered: "Within walking reach", gap: "Gap", unlinked: "Not linked to a street", "no-data": "No data",
    headGap: (en) => "estates with a gap: " + en, inBrackets: (text) => " (" + text + ")", unknownPeople: (n) => n + " estates with unknown people are not counted",
    estimated: " (from households)", unknown: "unknown", limit: "limit", walk: "walk", nearest: "nearest", must: "required", may: "advisable",
    beyond: "none within the search", rule: "Rule pack", date: "Date", source: "Source", basis: "Basis", metres: "m", minutes: "min",
    district: "District", estateOf: (n) => n + " estates", close: "Close", panel: "Panel", unverified: "clause unverified",
    year: "", area: "m²", yuan: "yuan", north: "N", noCoverage: "No streets layer: walking was not measured",
    status: { optimal: "optimal (proved)", feasible: "feasible", infeasible: "infeasible", unknown: "unknown" },
    group: { elderly: "Elderly", childcare: "Childcare", health: "Health", education: "Education", service: "Services", commerce: "Shops",
      culture: "Culture", sport: "Sport", green: "Green", sanitation: "Sanitation", transport: "Transport", other: "Other" },
  },
};
