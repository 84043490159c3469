from vqe.detections import FLOOR, Detections, concatenate

__all__ = ["FLOOR", "Detections", "concatenate"]
