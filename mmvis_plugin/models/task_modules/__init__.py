"""Task modules."""
