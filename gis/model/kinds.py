"""The kinds of layer and their columns: the one list that import, storage, maps and documents read.

A column is recognised on import by its own name, its Chinese or English heading, or one of its
further ``headings`` (compared without case, spaces, brackets and units). Everything else that a
file holds is kept as an extra column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Geometry = Literal["point", "line", "polygon"]
Type = Literal["text", "integer", "number", "boolean", "date"]

OLDEST_YEAR: Final = 1800
LATEST_YEAR: Final = 2100
MOST_COUNTED: Final = 1e8
"""People, households, places of one row; more is a slip of the pen."""
MOST_MEASURED: Final = 1e13
"""Square metres, metres, yuan of one row."""


@dataclass(frozen=True)
class Column:
    """One column of a kind: how it is called, what it holds, in which unit, within which bounds."""

    name: str
    type: Type
    zh: str
    en: str
    unit: str = ""
    meaning: str = ""
    headings: tuple[str, ...] = ()
    required: bool = False
    low: float | None = None
    high: float | None = None
    words: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """For text from a short list: our word, then the words that are read as it."""


@dataclass(frozen=True)
class Kind:
    """One kind of layer: what a row is, which geometries it may have, its columns."""

    name: str
    zh: str
    en: str
    geometry: tuple[Geometry, ...]
    columns: tuple[Column, ...]
    meaning: str = ""
    geometry_required: bool = True

    def column(self, name: str) -> Column:
        """Return the column called ``name``; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in the order in which they are stored and shown."""
        return tuple(column.name for column in self.columns)


def _uid(*headings: str) -> Column:
    return Column(
        "uid",
        "text",
        "编号",
        "ID",
        meaning="stable key, unique in its layer; given on import when the file has none",
        headings=("id", "代码", "编码", "code", *headings),
    )


def _text(name: str, zh: str, en: str, *headings: str, meaning: str = "") -> Column:
    return Column(name, "text", zh, en, meaning=meaning, headings=headings)


def _count(name: str, zh: str, en: str, unit: str, *headings: str, meaning: str = "") -> Column:
    return Column(name, "integer", zh, en, unit, meaning, headings, low=0, high=MOST_COUNTED)


def _size(name: str, zh: str, en: str, unit: str, *headings: str, meaning: str = "") -> Column:
    return Column(name, "number", zh, en, unit, meaning, headings, low=0, high=MOST_MEASURED)


def _year(name: str, zh: str, en: str, *headings: str) -> Column:
    return Column(name, "integer", zh, en, "year", "", headings, low=OLDEST_YEAR, high=LATEST_YEAR)


_OSM_CLASSES: Final = (
    "unclassified", "service", "path", "track", "cycleway", "bridleway", "corridor", "road", "busway",
    "motorway_link", "trunk_link", "primary_link", "secondary_link", "tertiary_link",
    "track_grade1", "track_grade2", "track_grade3", "track_grade4", "track_grade5", "construction",
    "proposed", "raceway", "escape", "via_ferrata", "ladder", "crossing", "unknown",
)  # fmt: skip
"""Values of OSM's highway, and of Geofabrik's fclass, without a Chinese class of their own."""

_NAME = _text("name", "名称", "Name", "名字", "设施名称", "项目名称")
_ESTATE = _text("estate", "所属小区", "Estate", "小区编号", "estate_id", "estate_uid")
_BUILT = _year(
    "built_year", "建成年份", "Built", "建成年代", "建筑年代", "建设年代", "竣工年份", "year"
)
_FLOOR_AREA = _size(
    "floor_area_m2", "建筑面积", "Floor area", "m2", "总建筑面积", "building_area", "面积"
)
_LAND_AREA = _size("land_area_m2", "用地面积", "Land area", "m2", "占地面积", "site_area")
_PEOPLE = (
    _count("households", "户数", "Households", "households", "总户数", "居民户数", "住户数", "hh"),
    _count(
        "people",
        "人口",
        "People",
        "people",
        "人口数",
        "总人口",
        "常住人口",
        "居民人数",
        "population",
        "pop",
    ),
    _count(
        "people_60plus",
        "60岁以上人口",
        "People 60+",
        "people",
        "老年人口",
        "老年人数",
        "60岁及以上人口",
        "60岁以上",
        "60岁及以上",
        "60岁以上老人",
        "60岁以上老年人",
        "60+",
    ),
    _count(
        "children_0_2",
        "0-2岁儿童",
        "Children 0-2",
        "people",
        "3岁以下婴幼儿",
        "0-3岁婴幼儿",
        "婴幼儿数",
        "3岁以下",
        "0-3岁",
        "0-2岁",
    ),
    _count(
        "children_3_5",
        "3-5岁儿童",
        "Children 3-5",
        "people",
        "3-6岁儿童",
        "学龄前儿童",
        "3-6岁",
        "3-5岁",
    ),
)

ESTATES = Kind(
    "estates", "小区", "Estates", ("polygon", "point"),
    (
        _uid("小区编码", "小区编号", "小区代码"),
        Column("name", "text", "小区名称", "Name", headings=("名称", "小区", "小区名", "estate", "estate_name")),
        _text("address", "地址", "Address", "坐落", "位置"),
        _text("community", "社区", "Community", "所属社区", "居委会", "社区名称"),
        _text("subdistrict", "街道", "Subdistrict", "所属街道", "街道办", "镇街", "街道名称"),
        *_PEOPLE,
        _count("buildings", "楼栋数", "Buildings", "buildings", "栋数", "楼数", "幢数"),
        _FLOOR_AREA,
        _LAND_AREA,
        _BUILT,
        _text("manager", "物业单位", "Manager", "物业公司", "物业", "管理单位", "物业服务企业"),
        _size("cost_yuan", "估算投资", "Estimated cost", "yuan", "改造投资", "投资估算", "改造费用", "cost"),
    ),
    meaning="a residential compound, usually walled, entered through gates",
)  # fmt: skip

BUILDINGS = Kind(
    "buildings", "楼栋", "Buildings", ("polygon", "point"),
    (
        _uid("楼栋编号", "楼号"),
        _NAME,
        _ESTATE,
        Column("storeys", "integer", "层数", "Storeys", "storeys", headings=("楼层数", "地上层数", "floors", "levels"), low=0, high=200),
        _count("units", "单元数", "Entrances", "entrances", "单元"),
        *_PEOPLE,
        _BUILT,
        _FLOOR_AREA,
        Column("lift", "boolean", "电梯", "Lift", headings=("有无电梯", "elevator")),
        _text("structure", "结构", "Structure", "建筑结构", "结构类型"),
        _text("use", "用途", "Use", "building", "建筑用途", "房屋用途"),
    ),
    meaning="where people live",
)  # fmt: skip

GATES = Kind(
    "gates", "出入口", "Gates", ("point",),
    (
        _uid(),
        _NAME,
        _ESTATE,
        Column("access", "text", "通行对象", "Open to", headings=("access", "通行"), words=(
            ("walkers", ("行人", "人行", "foot", "pedestrian")),
            ("cars", ("车辆", "车行", "vehicle", "car")),
            ("both", ("人车", "人车混行", "both", "all")),
            ("closed", ("关闭", "封闭", "closed", "no")),
        )),
        _text("hours", "开放时间", "Hours", "开放时段", "opening_hours", meaning="HH:MM-HH:MM, several by comma; empty: always"),
        _size("width_m", "宽度", "Width", "m", "门宽", "width"),
    ),
    meaning="where people get in and out of an estate",
)  # fmt: skip

WALLS = Kind(
    "walls", "围墙", "Walls", ("line",),
    (
        _uid(),
        _NAME,
        _ESTATE,
        _size("height_m", "高度", "Height", "m", "墙高", "height"),
        Column("removable", "boolean", "可拆除", "Removable", headings=("可打开", "可开口")),
        _size("cost_yuan", "开口造价", "Cost of opening", "yuan", "拆除造价"),
    ),
    meaning="what stops people between gates",
)  # fmt: skip

FACILITIES = Kind(
    "facilities", "设施", "Facilities", ("point", "polygon"),
    (
        _uid("设施编号", "设施代码"),
        _NAME,
        Column("category", "text", "类别", "Category", headings=("设施类别", "类型", "设施类型", "种类", "type", "class"), required=True,
               meaning="a category of data/categories.toml"),
        _text("address", "地址", "Address", "位置"),
        _count("capacity", "服务规模", "Capacity", "people", "服务人数", "服务能力"),
        _count("places", "位数", "Places", "places", "托位数", "学位数", "床位数", "座位数", "beds", "seats"),
        _FLOOR_AREA,
        _LAND_AREA,
        _text("hours", "开放时间", "Hours", "营业时间", "opening_hours"),
        _text("operator", "运营单位", "Operator", "运营方", "管理单位"),
    ),
    meaning="a service that is there",
)  # fmt: skip

SITES = Kind(
    "sites", "备选用房用地", "Sites", ("point", "polygon"),
    (
        _uid("资源编号", "房屋编号", "地块编号"),
        Column("name", "text", "名称", "Name", headings=("名字", "设施名称", "项目名称", "资源名称", "房屋名称", "地块名称", "用房名称")),
        _text("use", "现状用途", "Present use", "用途", "类型", "原用途", "现状功能", "原使用功能", "资源类型", "房屋类型", "用房类型"),
        Column("floor_area_m2", "number", "建筑面积", "Floor area", "m2", headings=(
            "总建筑面积", "building_area", "面积", "房屋面积", "可用面积", "可用建筑面积", "闲置面积", "使用面积"), low=0, high=MOST_MEASURED),
        Column("land_area_m2", "number", "用地面积", "Land area", "m2", headings=(
            "占地面积", "site_area", "地块面积", "土地面积", "可用地面积"), low=0, high=MOST_MEASURED),
        Column("storey", "integer", "所在楼层", "Storey", "storeys", headings=("楼层", "floor", "所在层", "所处楼层"), low=-5, high=200,
               meaning="1 is the ground floor, -1 the first basement; empty: unknown"),
        Column("lift", "boolean", "电梯", "Lift", headings=("有无电梯", "elevator"), meaning="whether a lift goes there"),
        _text("tenure", "权属", "Tenure", "产权", "权属单位", "产权单位", "产权人", "产权性质", "权属性质", "权利人"),
        _text("condition", "现状条件", "Condition", "房屋状况", "房屋安全等级", "安全等级", "安全鉴定等级", "鉴定等级", "危房等级", "房屋质量",
              meaning="words and grades that forbid its use are in data/rooms.toml"),
        _text("means", "取得方式", "Means", "方式", "拟改造方式", "改造方式", "配置方式", "拟配置方式", "建设方式", "利用方式", "拟利用方式",
              "盘活方式", meaning="补建 改建 扩建 购置 置换 租赁, several by /"),
        _size("cost_yuan", "造价", "Cost", "yuan", "改造费用", "投资", "改造投资", "估算投资", "投资估算", "预计投资", "预计费用", "cost",
              meaning="of the means, all years of rent; empty: estimated by data/means.toml"),
        _year("available_year", "可用年份", "Available from", "可用时间", "可启用年份", "腾退年份", "腾退时间", "交付年份", "交付时间"),
    ),
    meaning="a room or plot where a facility could go",
)  # fmt: skip

PIPELINES = Kind(
    "pipelines", "管线", "Pipelines", ("line",),
    (
        _uid(),
        _NAME,
        Column("pipe", "text", "管线类别", "Pipe", headings=("管线类型", "类别", "类型", "管种", "kind", "type"), required=True, words=(
            ("water", ("给水", "供水", "自来水", "上水")),
            ("storm", ("雨水", "雨水管")),
            ("sewer", ("污水", "污水管")),
            ("combined", ("合流", "雨污合流")),
            ("gas", ("燃气", "天然气", "煤气")),
            ("heat", ("供热", "热力", "暖气")),
            ("power", ("电力", "供电", "电缆")),
            ("telecom", ("通信", "电信", "弱电", "通讯")),
        )),
        _text("material", "管材", "Material", "材质", "材料"),
        _size("diameter_mm", "管径", "Diameter", "mm", "直径", "公称直径", "dn", "diameter"),
        _BUILT,
        _size("depth_m", "埋深", "Depth", "m", "埋设深度", "depth"),
        _text("owner", "权属单位", "Owner", "产权单位", "管理单位"),
        _year("planned_year", "计划改造年份", "Planned works", "计划年份", "改造年份"),
    ),
    meaning="a pipe or cable under the ground",
)  # fmt: skip

STREETS = Kind(
    "streets", "道路", "Streets", ("line",),
    (
        _uid("osm_id"),
        _text("name", "名称", "Name", "名字", "道路名称", "道路名", "路名", "设施名称", "项目名称"),
        Column("highway", "text", "道路等级", "Class", headings=("fclass", "class", "等级", "道路类型", "类型", "type"),
               meaning="OSM highway value; which ones are walkable is data/walkable.toml", words=(
            ("motorway", ("高速公路", "高速")),
            ("trunk", ("快速路", "城市快速路")),
            ("primary", ("主干道", "主干路")),
            ("secondary", ("次干道", "次干路")),
            ("tertiary", ("支路", "城市支路")),
            ("residential", ("小区道路", "居住区道路", "街坊路")),
            ("living_street", ("巷道", "胡同", "里弄")),
            ("pedestrian", ("步行街",)),
            ("footway", ("人行道", "步道", "步行道")),
            ("steps", ("台阶", "梯道", "梯坎")),
            ("elevator", ("电梯", "垂直电梯", "lift")),
            *((name, ()) for name in _OSM_CLASSES),
        )),
        Column("walkable", "boolean", "可步行", "Walkable", headings=("步行", "foot"),
               meaning="overrides the class where given"),
        _size("width_m", "宽度", "Width", "m", "路宽", "红线宽度", "width"),
        Column("bridge", "boolean", "桥", "Bridge", headings=("桥梁",)),
        Column("tunnel", "boolean", "隧道", "Tunnel", headings=("地道",)),
        _count("risers", "踏步数", "Risers", "steps", "台阶数", "踏步", "step_count", meaning="steps of a stair; empty: unknown"),
        Column("delay_s", "number", "等候时间", "Delay", "s", "waited on the way along, for a signal or a lift; empty: by data/effort.toml",
               headings=("等候秒数", "等待时间", "delay", "wait"), low=0, high=3600),
        Column("signal", "boolean", "信号灯", "Signal", headings=("红绿灯", "有无信号灯", "traffic_signals"), meaning="a crossing with lights"),
    ),
    meaning="a street, path or stair one can walk along",
)  # fmt: skip

BARRIERS = Kind(
    "barriers", "阻隔", "Barriers", ("line", "polygon"),
    (
        _uid(),
        _NAME,
        Column("barrier", "text", "阻隔类型", "Barrier", headings=("类型", "类别", "type", "kind"), required=True, words=(
            ("river", ("河流", "水系", "河道", "湖泊")),
            ("railway", ("铁路", "轨道")),
            ("expressway", ("快速路", "高速公路", "高架")),
            ("wall", ("围墙", "墙")),
            ("other", ("其他", "其它")),
        )),
    ),
    meaning="not crossed but where a street crosses",
)  # fmt: skip

COMMUNITIES = Kind(
    "communities", "社区", "Communities", ("polygon",),
    (
        _uid("社区编码", "社区代码"),
        Column("name", "text", "社区名称", "Name", headings=("名称", "社区", "community")),
        _text("subdistrict", "街道", "Subdistrict", "所属街道", "街道名称"),
        *_PEOPLE,
    ),
    meaning="an administrative community; the measuring unit of 5,000-12,000 people",
)  # fmt: skip

GREEN = Kind(
    "green", "绿地", "Green", ("polygon",),
    (_uid(), _NAME, _text("use", "类型", "Use", "绿地类型", "type")),
    meaning="parks and other green",
)  # fmt: skip

WATER = Kind(
    "water", "水系", "Water", ("polygon", "line"),
    (_uid(), _NAME, _text("use", "类型", "Use", "水系类型", "type")),
    meaning="rivers, lakes and canals as they are drawn",
)  # fmt: skip

HEIGHTS = Kind(
    "heights", "高程", "Heights", ("point",),
    (
        _uid(),
        Column("elevation_m", "number", "高程", "Elevation", "m", headings=("海拔", "标高", "z", "elevation", "height"),
               required=True, low=-500, high=9000),
    ),
    meaning="spot heights",
)  # fmt: skip

PROJECTS = Kind(
    "projects", "改造项目", "Projects", ("polygon", "point"),
    (
        _uid("项目编号", "项目代码"),
        _NAME,
        Column("estate", "text", "所属小区", "Estate", headings=("小区编号", "小区", "小区名称", "estate_id"), required=True),
        Column("stage", "text", "阶段", "Stage", headings=("项目阶段", "状态", "进展"), words=(
            ("survey", ("摸底", "调查", "入库", "前期", "未开工", "未启动")),
            ("consent", ("征求意见", "居民意愿", "意愿征集", "征求居民意见")),
            ("design", ("设计", "方案设计", "设计中", "施工图设计")),
            ("approval", ("审批", "审查", "立项", "联合审查", "审批中")),
            ("tender", ("招标", "招投标", "招标中")),
            ("works", ("施工", "施工中", "在建", "改造中", "已开工")),
            ("acceptance", ("验收", "竣工", "完工", "竣工验收", "已完工", "已竣工", "验收中")),
            ("closed", ("销号", "移交", "已完成", "已移交", "已销号", "已验收")),
        )),
        _year("year", "计划年度", "Year", "年度", "改造年度"),
        _size("planned_yuan", "计划投资", "Planned money", "yuan", "总投资", "投资"),
        _size("spent_yuan", "完成投资", "Spent money", "yuan", "已完成投资"),
        Column("consent_share", "number", "同意率", "Consent", "share", "0 to 1 of the households", ("居民同意率",), low=0, high=1),
        Column("progress", "number", "形象进度", "Progress", "share", "0 to 1 of the works", ("进度",), low=0, high=1),
        Column("start", "date", "开工日期", "Start", headings=("开工时间",)),
        Column("end", "date", "完工日期", "End", headings=("完工时间", "竣工日期")),
        _text("contractor", "施工单位", "Contractor", "承建单位"),
    ),
    meaning="one estate's renewal through its stages",
    geometry_required=False,
)  # fmt: skip

PLAN = Kind(
    "plan", "片区方案", "Plan", ("polygon", "point"),
    (
        _uid(),
        Column("estate", "text", "小区", "Estate", headings=("小区编号", "小区名称", "estate_id"), required=True),
        Column("district", "text", "片区", "District", headings=("片区编号", "片区名称"), required=True),
    ),
    meaning="which estate belongs to which district, drawn elsewhere",
    geometry_required=False,
)  # fmt: skip

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        ESTATES, BUILDINGS, GATES, WALLS, FACILITIES, SITES, PIPELINES, STREETS, BARRIERS,
        COMMUNITIES, GREEN, WATER, HEIGHTS, PROJECTS, PLAN,
    )
}  # fmt: skip
"""All kinds by name, in the order in which they are listed and drawn up."""
