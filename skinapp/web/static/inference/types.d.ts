/** The shapes that pass between the modules, and the parts of config.json and about.json that they read. */

export interface Transform {
  input_size: [number, number, number];
  mean: [number, number, number];
  std: [number, number, number];
  interpolation: "bilinear" | "bicubic" | "lanczos";
  crop_pct: number;
  crop_mode: "center" | "squash";
}

export interface HeatmapScale {
  floor: Record<string, number>;
  full: Record<string, number>;
  shift: number;
}

export interface QualityLimits {
  min_short_side: number;
  min_sharpness: number;
  min_evenness: number;
  min_brightness: number;
  max_brightness: number;
  min_contrast: number;
  max_glare: number;
  max_hair: number;
  min_lesion_evidence: number;
}

/** What quality.py fixes for all models. */
export interface QualityRules {
  white: number;
  hair: number;
  hair_width: number;
}

/** What turns logits into an answer. */
export interface Rule {
  temperature: number;
  thresholds: Record<string, number>;
  /** Of the prediction set. */
  sets?: Record<string, number>;
}

/** One of the looks at a photo that a careful answer is the mean of. */
export interface Look {
  crop: "start" | "middle" | "end";
  turn: number;
}

/** Class maps `[lesions, rows, columns]`. */
export interface Maps {
  values: Float32Array;
  cells: [number, number];
}

/** What framing.py fixes for all models. */
export interface FramingRules {
  side: number;
  pixels: number;
  edge: number;
  shade: number;
  evidence: number;
  max_log_odds: number;
  far: number;
  aside: number;
  crop: number;
}

/** The model folder's config.json. */
export interface Config {
  label_names: string[];
  pretrained_cfg: Transform;
  skinapp: {
    files: Record<string, { sha256: string; precision: string }>;
    temperature: number;
    thresholds: Record<string, number>;
    sets?: Record<string, number>;
    careful?: Rule & { looks: Look[] };
    heatmap: HeatmapScale;
    lesion_head: { weights: number[]; bias: number };
    frame_head?: { weights: number[]; bias: number };
    quality: { refuse: QualityLimits; warn: QualityLimits };
    /** Of a model that has seen plain camera photos. */
    clinical?: {
      view_head: { weights: number[]; bias: number };
      quick: Rule;
      careful: Rule;
      quality: { refuse: QualityLimits; warn: QualityLimits };
    };
  };
}

export interface Lesion {
  code: string;
  priority: string;
  malignant: boolean;
}

/** What the program itself, not the model, says about every answer. */
export interface Rules {
  lesions: Lesion[];
  severity: string[];
  quality: QualityRules;
  framing: FramingRules;
  photo: { max_bytes: number; max_pixels: number; min_side: number; max_aspect: number };
  drawing: { side: number; strongest: number; max_side: number; colours: [number, number, number][] };
}

/** The HTML of one language, with sample figures in the places of real ones. */
export interface Pieces {
  answers: Record<string, string>;
  evidence: string;
  busy: string;
  failed: string;
  empty: string;
  tab: string;
  header: string;
  footer: string;
  ran: string;
  lines: { views: Record<string, string>; set: string; names: Record<string, string>; separator: string };
  say: Record<string, string>;
}

/** A network that a visitor may choose, and where it lies. */
export interface Model {
  key: string;
  config: string;
  weights: string;
  file: string;
  bytes: number;
  precision: string;
  name: string;
}

/** about.json: where everything lies, relative to it, and what the page says. */
export interface About {
  models: Model[];
  runtime: string;
  engines: Record<string, { module: string; binary: string }>;
  rules: Rules;
  issues: string[];
  pieces: Record<string, Pieces>;
}

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** RGB, three bytes a pixel. */
export interface Picture {
  data: Uint8Array;
  width: number;
  height: number;
}

/** RGBA, four bytes a pixel, as a canvas gives it. */
export interface Pixels {
  data: Uint8ClampedArray | Uint8Array;
  width: number;
  height: number;
}

export interface Figures {
  short_side: number;
  sharpness: number;
  evenness: number;
  brightness: number;
  contrast: number;
  glare: number;
  hair: number;
  lesion_evidence: number;
}

/** What the network gives for one photo. */
export interface Outputs {
  logits: Float32Array;
  cams: Float32Array;
  embedding: Float32Array;
  cells: [number, number];
}

export interface Assessment {
  chances: number[];
  view: string;
  priority: string;
  focus: string;
  issues: string[];
  warnings: string[];
  /** The codes of the prediction set, likeliest first; only where the model states its limits. */
  set?: string[];
  /** The lesion's, in the photo's pixels. */
  box?: Box;
  /** Whether the answer is the mean of several looks. */
  careful?: boolean;
  figures: Figures;
  seen: Box;
  width: number;
  height: number;
  elapsed_ms: Record<string, number>;
}

export interface Engine {
  provider: "WASM" | "WebGPU";
  threads: number;
  sealed: boolean;
}

/** What the worker is started with. */
export interface Start {
  /** The address of ONNX Runtime's module. */
  runtime: string;
  provider: "WASM" | "WebGPU";
  threads: number;
  wasm: ArrayBuffer;
  weights: ArrayBuffer;
  config: Config;
  rules: Rules;
}

/** A question to the worker: a still photo, or a frame of a video, of which only the focused map is wanted. */
export interface Question {
  id: number;
  file?: Blob;
  /** Answer the part around the lesion. */
  centred?: boolean;
  frame?: ImageBitmap;
}

export interface Reply {
  id: number;
  assessment: Assessment;
  /** RGBA layers by lesion code. */
  layers: Record<string, Uint8ClampedArray<ArrayBuffer>>;
  /** The photo as the overlay shows it; none of a video's frame. */
  shown?: Blob;
}

/** A photo that can't be answered: a key of the page's sentences and what fills it. */
export interface Refusal {
  id: number;
  refused: string;
  values: Record<string, string | number>;
}

declare global {
  /** Of an installed app: the files that it is opened with. */
  var launchQueue: undefined | { setConsumer(consume: (given: { files: FileSystemFileHandle[] }) => void): void };
}
