"""What the page and the report say, in English and Chinese (errors are English yet). Never "diagnosis" or "safe" of a result."""

from typing import Literal, NamedTuple

from skinapp.labels import Priority
from skinapp.quality import Issue

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


def preferred(accept_language: str) -> Language:
    """The first language of an Accept-Language header that we speak, else English."""
    for entry in accept_language.lower().split(","):
        tag = entry.partition(";")[0].strip().partition("-")[0]
        for language in LANGUAGES:
            if tag == language:
                return language
    return "en"


class Said(NamedTuple):
    """One sentence in every language."""

    en: str
    zh: str

    def to(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


DISCLAIMER = Said(
    "For education and research only. This is not a medical device and not medical advice: it can be wrong, "
    "also when it says Low. If a spot worries you, or changes, itches or bleeds, show it to a doctor.",
    "仅供教育和研究使用。本程序不是医疗器械，也不构成医疗建议：它可能出错，显示“低”时也一样。"
    "如果某处皮损让您担心，或发生变化、发痒、出血，请让医生查看。",
)

PRIORITIES = {
    Priority.URGENT: Said("Urgent", "紧急"),
    Priority.HIGH: Said("High", "高"),
    Priority.MEDIUM: Said("Medium", "中"),
    Priority.LOW: Said("Low", "低"),
    Priority.UNCLEAR: Said("Retake", "请重拍"),
}

ADVICE = {
    Priority.URGENT: Said(
        "The picture shows features that can go with melanoma. Have a doctor look at the spot within days; "
        "many spots flagged here turn out harmless, but this one should not wait.",
        "图像具有黑色素瘤可能出现的特征。请在几天内让医生检查该处皮损；许多被提示的皮损最终是无害的，但不应拖延。",
    ),
    Priority.HIGH: Said(
        "The picture shows features that can go with a basal cell carcinoma. Have a doctor look at the spot within two weeks.",
        "图像具有基底细胞癌可能出现的特征。请在两周内让医生检查该处皮损。",
    ),
    Priority.MEDIUM: Said(
        "The picture shows features that a doctor should look at. Make an appointment within a month, "
        "sooner if the spot grows, bleeds or hurts.",
        "图像具有需要医生查看的特征。请在一个月内预约就诊；如果皮损增大、出血或疼痛，请尽早就诊。",
    ),
    Priority.LOW: Said(
        "The picture looks most like a harmless spot, but this answer can miss a cancer. "
        "Photograph the spot again in a month; if it changes, itches or bleeds, or you are unsure, "
        "show it to a doctor.",
        "图像最像无害的皮损，但本结果可能漏掉癌症。请一个月后再拍一次；如果皮损变化、发痒、出血，或您不放心，请让医生查看。",
    ),
    Priority.UNCLEAR: Said(
        "This photo can't be judged. Take it again as described; "
        "if the spot worries you, don't wait for a better photo but show it to a doctor.",
        "这张照片无法判断。请按提示重拍；如果皮损让您担心，不必等更好的照片，请直接让医生查看。",
    ),
}

WHEN = {
    Priority.URGENT: Said("A doctor should look within days", "请在几天内就医"),
    Priority.HIGH: Said("A doctor should look within two weeks", "请在两周内就医"),
    Priority.MEDIUM: Said("A doctor should look within a month", "请在一个月内就医"),
    Priority.LOW: Said("Watch the spot, photograph it again in a month", "继续观察，一个月后再拍"),
}
"""What each priority asks for, in a few words, where the whole advice would be too long."""

ISSUES = {
    Issue.SMALL: Said(
        "The photo is too small: move closer or send the original file.",
        "照片太小：请靠近拍摄或发送原始文件。",
    ),
    Issue.BLURRED: Said(
        "The photo is blurred: hold still and tap on the spot to focus.",
        "照片模糊：请保持稳定并点按皮损对焦。",
    ),
    Issue.DARK: Said("The photo is too dark: add light.", "照片太暗：请增加光线。"),
    Issue.BRIGHT: Said("The photo is too bright: step out of direct light.", "照片太亮：请避开直射光。"),
    Issue.FLAT: Said(
        "The photo shows almost no contrast: clean the lens and fill the frame with the spot.",
        "照片几乎没有对比：请擦净镜头，让皮损占满画面。",
    ),
    Issue.GLARE: Said(
        "The photo has glare: switch off the flash or tilt the camera.",
        "照片有反光：请关闭闪光灯或倾斜相机。",
    ),
    Issue.NO_LESION: Said(
        "No skin lesion was recognised: put one spot in the middle of the frame.",
        "未识别到皮损：请将一处皮损置于画面中央。",
    ),
}

LESIONS = {
    "akiec": Said("Sun damage or early skin cancer (actinic keratosis)", "日光性角化病 / 表皮内癌"),
    "bcc": Said("Basal cell carcinoma", "基底细胞癌"),
    "bkl": Said("Harmless keratosis (age or sun spot)", "良性角化病"),
    "df": Said("Dermatofibroma (harmless lump)", "皮肤纤维瘤"),
    "mel": Said("Melanoma", "黑色素瘤"),
    "nv": Said("Mole (nevus)", "黑色素细胞痣"),
    "vasc": Said("Blood-vessel spot (vascular lesion)", "血管性皮损"),
}

KEPT_MINUTES = 10
"""How long a photo may stay in the page's temporary folder; the page empties it by this figure, and says so."""

PAGE = {
    "question": Said("How soon should a doctor look at this spot?", "这处皮损该多快让医生查看？"),
    "promise": Said(
        "Give one photo of one spot. A small neural network compares it with seven kinds of skin lesion "
        "and answers with a priority.",
        "给出一处皮损的一张照片，小型神经网络会将它与七种皮损比较，并给出就医优先级。",
    ),
    "label": Said("Education and research only", "仅供教育和研究"),
    "photo": Said("Photo of the spot", "皮损照片"),
    "drop": Said(
        "# Add a photo of the spot\nChoose, drop or paste one, or use the camera", "# 添加皮损照片\n选择、拖放、粘贴，或使用相机"
    ),
    "tip_fill": Said("One spot, in the middle, filling about half the frame", "只拍一处皮损，置于中央，约占画面一半"),
    "tip_sharp": Said("Hold still and tap on the spot to focus", "保持稳定，点按皮损对焦"),
    "tip_light": Said("Even light, no flash, no hair across the spot", "光线均匀，不用闪光灯，避开毛发"),
    "expect": Said("What you will get", "您将得到什么"),
    "expect_priority": Said("One of four priorities, and what to do next", "四级优先级之一，以及下一步建议"),
    "expect_more": Said(
        "You also see how likely each of the seven lesions is, and where on the photo the network looked.",
        "同时给出：七种皮损各自的可能性，以及网络在照片上关注的位置。",
    ),
    "disclaimer": DISCLAIMER,
    "kept": Said(
        f"Your photo goes to this server alone, and its temporary copy is deleted after {KEPT_MINUTES} minutes.",
        f"您的照片只发送到本服务器，临时副本会在 {KEPT_MINUTES} 分钟后删除。",
    ),
    "model": Said("Model", "模型"),
}
"""What stands on the page before any answer; the browser picks the language."""

ANSWER = {
    "answer": Said("Answer", "结果"),
    "priority": Said("Priority", "优先级"),
    "step": Said("Step {step} of {steps} on the priority scale", "优先级第 {step} 级，共 {steps} 级"),
    "chances": Said("How likely each lesion is", "各种皮损的可能性"),
    "chances_note": Said(
        "The priority follows the most serious lesion that passes its limit, even when another one is likelier.",
        "优先级取决于超过界限的最严重皮损，即使另一种皮损可能性更大。",
    ),
    "chances_unclear": Said(
        "Shown in grey: on a photo like this the figures can't be relied on.",
        "以灰色显示：对于这样的照片，这些数字不可靠。",
    ),
    "reasons": Said("What was wrong with the photo", "照片的问题"),
    "evidence": Said("Where the model looked", "模型关注的位置"),
    "evidence_note": Said(
        "Warm colours mark where the evidence for this lesion lies: where, not why. Darkened edges were not looked at.",
        "暖色标出支持该皮损的位置：只说明在哪里，不说明为什么。变暗的边缘未被查看。",
    ),
    "evidence_for": Said("Evidence for", "所示皮损"),
    "evidence_photo": Said("Your photo", "您的照片"),
    "evidence_overlay": Said("Overlay", "叠加图"),
    "evidence_strength": Said("Fade between photo and overlay", "在照片与叠加图之间渐变"),
    "evidence_alt": Said("Your photo with the evidence laid on it", "您的照片，叠加了依据"),
    "busy": Said("Looking at the photo…", "正在查看照片…"),
    "failed": Said("This photo couldn't be answered", "无法处理这张照片"),
    "failed_next": Said(
        "Nothing is lost: choose another photo or take a new one.",
        "没有任何损失：请选择另一张照片或重新拍摄。",
    ),
    "ran": Said("{model}, {precision}, on {provider}, in {elapsed} ms", "{model}，{precision}，{provider}，{elapsed} 毫秒"),
}
"""What stands around an answer; the request's Accept-Language picks the language."""

NOT_UPLOADED = Said(
    "A photo is given as an uploaded file, not as an address or a path; upload it, with handle_file in gradio_client.",
    "请上传照片文件，而不是网址或路径；在 gradio_client 中使用 handle_file。",
)
UNEXPECTED = Said(
    "Something went wrong on the server, and it was logged there; try again, or try another photo.",
    "服务器出现问题，已记录日志；请重试或更换照片。",
)
NO_PHOTO = Said("No photo was given; give one JPEG, PNG or WebP photo.", "没有收到照片；请提供一张 JPEG、PNG 或 WebP 照片。")
TOO_MANY = Said(
    "{count} photos were given, more than {most}; send them in parts.",
    "收到 {count} 张照片，超过 {most} 张；请分批发送。",
)
